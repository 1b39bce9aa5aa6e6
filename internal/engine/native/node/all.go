package node

import "slices"

// All lists every class, family by family.
func All() []Class {
	return slices.Concat(
		primitives, empties, loads, saves, shows,
		scales, transforms, batches, filters, composites, masks, texts, regexes,
	)
}
