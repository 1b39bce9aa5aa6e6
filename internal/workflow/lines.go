package workflow

// Lines tells people what is wrong, one thing a line:
//
//	node 4 "Resize": width 0 is below the minimum 1
//
// Titles are g's; with g nil the classes stand for them.
func (e NodeErrors) Lines(g *Graph) []string { return nil }
