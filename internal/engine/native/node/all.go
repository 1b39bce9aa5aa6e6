package node

import "slices"

// All lists every class, family by family.
func All() []Class {
	return slices.Concat(
		primitives,
		scales, transforms, batches, filters, composites, masks,
	)
}
