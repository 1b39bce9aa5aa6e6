package queue

// Idle is how many claims wait for a submit.
func (s *Service) Idle() (n int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, all := range s.idle {
		n += len(all)
	}
	return n
}

// Hints is for how many variants somebody hears hints.
func (s *Service) Hints() (n int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, all := range s.hints {
		n += len(all)
	}
	return n
}
