package live

// Watched reports whether an account has a listener here.
func (h *Hub) Watched(accountID string) bool {
	h.mu.Lock()
	r := h.rooms[accountID]
	h.mu.Unlock()
	if r == nil {
		return false
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	return len(r.sessions) > 0
}

// Listeners counts the sessions that are open, and the accounts that have one.
func (h *Hub) Listeners() (sessions, accounts int) {
	h.mu.Lock()
	rooms := make([]*room, 0, len(h.rooms))
	for _, r := range h.rooms {
		rooms = append(rooms, r)
	}
	h.mu.Unlock()
	for _, r := range rooms {
		r.mu.Lock()
		n := len(r.sessions)
		r.mu.Unlock()
		sessions += n
		if n > 0 {
			accounts++
		}
	}
	return sessions, accounts
}
