package node

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"testing"

	"github.com/settee/settee/internal/engine/native/pixel"
)

// What links can bring goes beyond what widgets allow: empty pictures, negative
// sizes, words that are no choice. A class then raises or computes, and what it
// computes is as large as it says; it never panics.
func TestOddInputsRaiseOrCompute(t *testing.T) {
	families := [][]Class{scales, transforms, batches, filters, composites, masks, texts, regexes}
	random := rand.New(rand.NewPCG(1, 2))
	for _, family := range families {
		for _, class := range family {
			if class.OutputNode {
				continue
			}
			t.Run(class.Name, func(t *testing.T) {
				computed, rounds := 0, 120
				if class.Name == "FluxKontextImageScale" {
					rounds = 3 // always a megapixel
				}
				for range rounds {
					c := &Call{In: map[string][]Value{}}
					usual := oddSize(random)
					for _, in := range class.Inputs {
						if !in.Optional || random.IntN(2) == 0 {
							c.In[in.Name] = []Value{oddValue(random, in, usual)}
						}
					}
					values, err := calm(c, class)
					if err != nil {
						if _, ok := errors.AsType[*Error](err); !ok {
							t.Fatalf("%v: %v is no exception of ComfyUI", c.In, err)
						}
						continue
					}
					computed++
					for i, v := range values {
						sound(t, Typed(class.Outputs[i].Type, v))
					}
				}
				if computed == 0 {
					t.Error("nothing was computed")
				}
			})
		}
	}
}

// calm runs a class and turns a panic into an ordinary error.
func calm(c *Call, class Class) (values []Value, err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("panic: %v", p)
		}
	}()
	return c.Do(class.Run)
}

func sound(t *testing.T, v Value) {
	t.Helper()
	switch v := v.(type) {
	case List:
		for _, item := range v {
			sound(t, item)
		}
	case Mask:
		if v.C != 1 || len(v.Pix) != v.N*v.H*v.W {
			t.Fatalf("a mask of %d×%d×%d×%d with %d values", v.N, v.H, v.W, v.C, len(v.Pix))
		}
	case *pixel.Image:
		if len(v.Pix) != v.N*v.H*v.W*v.C {
			t.Fatalf("a picture of %d×%d×%d×%d with %d values", v.N, v.H, v.W, v.C, len(v.Pix))
		}
	}
}

// oddSize is a number of pictures, of rows and of columns.
func oddSize(random *rand.Rand) [3]int {
	side := func() int { return []int{0, 1, 2, 5, 9, 9, 9}[random.IntN(7)] }
	return [3]int{[]int{0, 1, 1, 1, 2, 3}[random.IntN(6)], side(), side()}
}

func oddValue(random *rand.Rand, in Input, usual [3]int) Value {
	one := func(all ...Value) Value { return all[random.IntN(len(all))] }
	switch in.Type {
	case "IMAGE", "MASK":
		size := usual
		if random.IntN(3) == 0 {
			size = oddSize(random)
		}
		m := &pixel.Image{N: size[0], H: size[1], W: size[2], C: 3}
		if in.Type == "MASK" {
			m.C = 1
		} else if random.IntN(4) == 0 {
			m.C = 4
		}
		m.Pix = make([]float32, m.N*m.H*m.W*m.C)
		for i := range m.Pix {
			m.Pix[i] = float32(random.Float64()*3 - 1)
		}
		return Typed(in.Type, m)
	case "INT":
		return one(int64(-20), int64(-3), int64(-1), int64(0), int64(1), int64(2), int64(3), int64(7), int64(30))
	case "FLOAT":
		if in.Name == "megapixels" {
			return one(-1.0, 0.0, 0.0001, 0.01)
		}
		return one(-1.0, 0.0, 0.01, 0.3, 0.5, 1.0, 2.0, 4.0)
	case "BOOLEAN":
		return one(true, false)
	case "COMBO":
		if random.IntN(8) == 0 {
			return "foo"
		}
		return in.Choices[random.IntN(len(in.Choices))]
	}
	return one("", "a", "It's a ß", "(a)|b*", "([", "\\1", "x\ny")
}
