package live

import "github.com/settee/settee"

// hears says whether a listener hears a frame. There are three kinds:
//
//   - An editor draws whatever it hears into the open graph, so it hears status
//     and the jobs posted with its own client id. A new listener may turn out to
//     be one, and hears the same until then.
//   - A program hears all the account's jobs, as on Comfy Cloud.
//   - In open mode ComfyUI's table rules (protocol note 2.2).
func (s *Session) hears(f *frame) bool {
	if s.silent {
		return false
	}
	if f.Binary != nil && !s.wants(f) {
		return false
	}
	switch {
	case f.JobID == "":
		return true
	case s.who.Open:
		return s.hearsOpen(f)
	case s.stage == program:
		return true
	}
	return f.ClientID != "" && f.ClientID == s.who.ClientID
}

func (s *Session) hearsOpen(f *frame) bool {
	if f.Binary != nil && !f.image {
		return true // text is for everyone
	}
	switch f.Type {
	case settee.EventStart, settee.EventCached, settee.EventSuccess, settee.EventExecuting, settee.EventExecuted:
		return f.ClientID == s.who.ClientID
	case settee.EventError:
		// That of a blocked node, which is no ending, goes to everyone.
		return f.ClientID == s.who.ClientID || f.ClientID == "" && !f.Ended
	case settee.EventInterrupted, settee.EventProgress, settee.EventState, "":
		return f.ClientID == "" || f.ClientID == s.who.ClientID
	}
	return true // events of custom nodes
}

// wants says whether a listener gets binary messages of this kind at all. Those
// who only know JSON must not be surprised by one, so by default they go to
// editors, for jobs that asked for previews, and from nodes that exist to send
// images; text, which is no preview, goes to all listeners of open mode too.
func (s *Session) wants(f *frame) bool {
	switch previews := s.room.hub.opt.Previews; {
	case !f.image:
		return s.editor || s.who.Open || f.Wanted || previews == PreviewsAlways
	case previews == PreviewsAlways:
		return true
	case previews == PreviewsNever:
		return false
	}
	return s.editor || f.Wanted
}

// knowsMetadata says whether a listener gets an image of type 4 (before its
// progress) or of type 1 (after it). ComfyUI sends type 1 to everyone when
// nobody in particular posted the job.
func (s *Session) knowsMetadata(f *frame) bool {
	return s.metadata && !(s.who.Open && f.ClientID == "")
}
