package node

import (
	"math/big"
	"strconv"

	"github.com/settee/settee/internal/engine/native/pixel"
	"github.com/settee/settee/internal/pyjson"
)

// Str is Python's str of a value; tensors print as torch prints them.
func Str(v Value) string {
	switch v := v.(type) {
	case nil:
		return "None"
	case bool:
		if v {
			return "True"
		}
		return "False"
	case int64:
		return strconv.FormatInt(v, 10)
	case *big.Int:
		return v.String()
	case float64:
		return pyjson.FloatRepr(v)
	case string:
		return v
	case *pixel.Image:
		return tensor(v.Pix, v.N, v.H, v.W, v.C)
	case Mask:
		return tensor(v.Pix, v.N, v.H, v.W)
	case pyjson.Value:
		return pyjson.Str(v)
	}
	return TypeName(v)
}
