package node

import "testing"

// As torch prints them.
func TestTensors(t *testing.T) {
	ramp := make([]float32, 2000)
	for _, c := range []struct {
		values []float32
		shape  []int
		want   string
	}{
		{[]float32{0.5, 0.5, 0.5}, []int{1, 1, 3}, "tensor([[[0.5000, 0.5000, 0.5000]]])"},
		{[]float32{0, 1, 2}, []int{3}, "tensor([0., 1., 2.])"},
		{[]float32{1e-5, 1}, []int{2}, "tensor([1.0000e-05, 1.0000e+00])"},
		{[]float32{-1.5, 10}, []int{2}, "tensor([-1.5000, 10.0000])"},
		{ramp, []int{2000}, "tensor([0., 0., 0.,  ..., 0., 0., 0.])"},
		{ramp, []int{1000, 2}, "tensor([[0., 0.],\n        [0., 0.],\n        [0., 0.],\n        ...,\n        [0., 0.],\n        [0., 0.],\n        [0., 0.]])"},
		{nil, []int{1, 0, 0}, "tensor([], size=(1, 0, 0))"},
		{ramp[:20], []int{20}, "tensor([0., 0., 0., 0., 0., 0., 0., 0., 0., 0., 0., 0., 0., 0., 0., 0., 0., 0., 0., 0.])"},
		{[]float32{.5, 0, 0, 0, 0, 0, 0, 0, 0, 0}, []int{10}, "tensor([0.5000, 0.0000, 0.0000, 0.0000, 0.0000, 0.0000, 0.0000, 0.0000, 0.0000,\n        0.0000])"},
	} {
		if got := tensor(c.values, c.shape...); got != c.want {
			t.Errorf("%v of shape %v\n want %s\n have %s", c.values[:min(len(c.values), 3)], c.shape, c.want, got)
		}
	}
}
