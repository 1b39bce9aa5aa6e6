package comfyui

import (
	"slices"

	"github.com/settee/settee/internal/engine"
	"github.com/settee/settee/internal/pyjson"
)

// refused turns ComfyUI's validation errors into a failure of the job: what it
// says of the first node, and of the prompt.
func (r *run) refused(answer []byte) *engine.Failure {
	const words = "ComfyUI refused the prompt."
	v, err := pyjson.Parse(answer)
	if err != nil {
		return refusal(r.job, "", "", words, nil)
	}
	message := v.Get("error").Get("message").Text()
	if d := v.Get("error").Get("details").Text(); d != "" {
		message += ": " + d
	}
	var (
		id, class string
		classes   []string
	)
	for _, n := range v.Get("node_errors").Members() {
		c := n.Value.Get("class_type").Text()
		if !slices.Contains(classes, c) {
			classes = append(classes, c)
		}
		for x := range n.Value.Get("errors").Items() {
			if id == "" {
				id, class = n.Key, c
			}
			if n.Key == id {
				message += "\n" + x.Get("message").Text() + ": " + x.Get("details").Text()
			}
		}
	}
	return refusal(r.job, id, class, words+" "+r.terms.text(message), classes)
}

func refusal(job engine.Job, id, class, message string, classes []string) *engine.Failure {
	failure := refuse(job, id, class, "PromptRefused", message)
	failure.Refused, failure.Classes = true, classes
	return failure
}
