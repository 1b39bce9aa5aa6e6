package pixel

import (
	"fmt"
	"strconv"
	"strings"
	"testing"
)

// pattern is G(h, w, c, s) of the protocol note's Appendix A, ramp M(h, w, s).
func pattern(h, w, c, s int) *Image {
	m := &Image{N: 1, H: h, W: w, C: c, Pix: make([]float32, h*w*c)}
	for i := range m.Pix {
		k, x, y := i%c, i/c%w, i/c/w
		m.Pix[i] = float32((37*y+59*x+83*k+11*s+5*(7*x*y%31))%256) / 255
	}
	return m
}

func ramp(h, w, s int) *Image {
	m := &Image{N: 1, H: h, W: w, C: 1, Pix: make([]float32, h*w)}
	for i := range m.Pix {
		m.Pix[i] = float32((23*(i/w)+31*(i%w)+17*s)%256) / 255
	}
	return m
}

func tinted(w, h int, colour ...float32) *Image {
	m := &Image{N: 1, H: h, W: w, C: len(colour), Pix: make([]float32, w*h*len(colour))}
	for i := range m.Pix {
		m.Pix[i] = colour[i%len(colour)] / 255
	}
	return m
}

func solidMask(w, h int, v float32) *Image { return tinted(w, h, 255*v) }

func dot(w, h int) *Image {
	m := tinted(w, h, 0)
	m.Pix[h/2*w+w/2] = 1
	return m
}

func whiteSquare() *Image {
	m := tinted(12, 12, 0, 0, 0)
	for y := 4; y <= 8; y++ {
		for i := 3 * 3; i < 3*8; i++ {
			m.Row(0, y)[i] = 1
		}
	}
	return m
}

func must(m *Image, err error) *Image {
	if err != nil {
		panic(err)
	}
	return m
}

func first(a, _ *Image, err error) *Image  { return must(a, err) }
func second(_, b *Image, err error) *Image { return must(b, err) }

func plane3(a, b, c *Image, err error) func(i int) *Image {
	return func(i int) *Image { return must([]*Image{a, b, c}[i], err) }
}

// TestGoldenVectors holds the kernels to the bytes that the recorded server
// writes: rows apart by |, a pixel's channels together. Off is how far a byte
// may be away, where the server's own kernels differ from one processor to the
// next.
func TestGoldenVectors(t *testing.T) {
	w := &Work{}
	for _, x := range []struct {
		name string
		got  *Image
		off  int
		want string
	}{
		{"pattern G", pattern(4, 5, 3, 0), 0,
			"0053a6 3b8ee1 76c91c b10457 ec3f92 | 2578cb 83d629 e13487 3f92e5 9df043 | 4a9df0 cb1e71 4c9ff2 3285d8 b30659 | 6fc215 1366b9 1c6fc2 2578cb c91c6f"},
		{"pattern M", ramp(4, 5, 0), 0,
			"00 1f 3e 5d 7c | 17 36 55 74 93 | 2e 4d 6c 8b aa | 45 64 83 a2 c1"},
		{"nearest-exact 3×3", must(w.Resize(pattern(4, 5, 3, 0), 3, 3, Nearest, false)), 0,
			"0053a6 76c91c ec3f92 | 4a9df0 4c9ff2 b30659 | 6fc215 1c6fc2 c91c6f"},
		{"nearest-exact 7×4 centre", must(w.Resize(pattern(4, 5, 3, 0), 7, 4, Nearest, true)), 0,
			"2578cb 83d629 83d629 e13487 3f92e5 3f92e5 9df043 | 2578cb 83d629 83d629 e13487 3f92e5 3f92e5 9df043 | 4a9df0 cb1e71 cb1e71 4c9ff2 3285d8 3285d8 b30659 | 4a9df0 cb1e71 cb1e71 4c9ff2 3285d8 3285d8 b30659"},
		{"bilinear 3×3", must(w.Resize(pattern(4, 5, 3, 0), 3, 3, Bilinear, false)), 1,
			"1b6eb3 87b02d c9467d | 5c85ad 9669bc 82807e | 569b5f 2376c9 90388b"},
		{"bilinear 7×4 centre", must(w.Resize(pattern(4, 5, 3, 0), 7, 4, Bilinear, true)), 1,
			"2578cb 5aad6e 9da743 e03487 6d77ca 67ba9f 9df043 | 2e81d4 68977c a08e58 bb4ea1 607ccf 679fa0 a2b548 | 4093e6 856a99 a45c81 7184d7 4687da 6869a1 ad4053 | 4a9df0 9354a7 a64295 4c9ff2 398cdf 694ea1 b30659"},
		{"area 3×3", must(w.Resize(pattern(4, 5, 3, 0), 3, 3, Area, false)), 0,
			"388b9e 807e7c 9e7184 | 6f8295 7c7aa2 708396 | 65788b 446dc0 74479a"},
		{"area 7×4 centre", must(w.Resize(pattern(4, 5, 3, 0), 7, 4, Area, true)), 0,
			"2578cb 54a77a b28558 e13487 9063b6 6ec194 9df043 | 2578cb 54a77a b28558 e13487 9063b6 6ec194 9df043 | 4a9df0 8a5db0 8b5eb1 4c9ff2 3f92e5 724598 b30659 | 4a9df0 8a5db0 8b5eb1 4c9ff2 3f92e5 724598 b30659"},
		{"bicubic 3×3", must(w.Resize(pattern(4, 5, 3, 0), 3, 3, Bicubic, false)), 1,
			"146bbb 87b129 cd3e81 | 6386b0 a560cb 74917b | 589b5a 2077ca 94348a"},
		{"bicubic 7×4 centre", must(w.Resize(pattern(4, 5, 3, 0), 7, 4, Bicubic, true)), 1,
			"196ad4 49cc5d abbe22 f0287b 6a61e0 53cfac a1ff33 | 257cdf 63a36f af9440 bf4c9f 5574e5 59a8a8 aabe3b | 389af2 8f618c b64f71 6d86d9 3392ee 6167a2 b73449 | 43acfd aa389e b9258f 3caafd 1ea5f4 67409e bf0051"},
		{"lanczos 3×3", must(w.Resize(pattern(4, 5, 3, 0), 3, 3, Lanczos, false)), 0,
			"1b87ad 898757 c05379 | 758299 8f72b0 6a8d96 | 5f8574 1776da 853493"},
		{"lanczos 7×4 centre", must(w.Resize(pattern(4, 5, 3, 0), 7, 4, Lanczos, true)), 0,
			"1b61d4 3ad264 b3cc10 fb2174 6d53ea 53e4a3 a5ff2f | 277ae2 5ca378 b89537 be4da0 5171f0 5dac9f aebc3a | 359cf5 896693 bd4c6a 6f86d9 2c98f9 696499 b93949 | 41b5ff ab37a7 c21591 32b2ff 10b6ff 732c95 c20054"},
		{"nearest-exact of a wide one, centre", must(w.Resize(pattern(4, 9, 3, 0), 3, 3, Nearest, true)), 0,
			"76c91c ec3f92 62b508 | 4c9ff2 b30659 1a6dc0 | 1c6fc2 c91c6f db2e81"},
		{"bilinear 2×2", must(w.Resize(pattern(4, 5, 3, 0), 2, 2, Bilinear, false)), 1,
			"4b9e91 8b5e91 | 6a5d90 5063b6"},
		{"area by half", must(w.Resize(pattern(4, 5, 3, 0), 2, 2, Area, false)), 0,
			"5f8784 a27573 | 557da5 5f5caf"},
		{"lanczos with alpha", must(w.Resize(pattern(4, 5, 4, 0), 3, 3, Lanczos, false)), 0,
			"0577a287 a7724874 ca4b7abc | a46f7665 b0559489 838d6c63 | 85775a5a 2f9fff10 b412757e"},
		{"invert", must(w.Invert(pattern(4, 5, 3, 0))), 0,
			"ffab58 c4701d 8935e3 4dfba7 12c06c | da8733 7b28d6 1dcb77 c06c19 610ebb | b5610e 33e18d b35f0c cd7926 4bf9a5 | 8f3cea ec9945 e38f3c da8733 35e38f"},
		{"blend normal", must(w.Blend(pattern(2, 3, 3, 0), pattern(2, 3, 3, 7), "normal", 0.5)), 0,
			"2679cc 61b487 9c6f42 | 4b9e71 a97c4f 875aad"},
		{"blend multiply", must(w.Blend(pattern(2, 3, 3, 0), pattern(2, 3, 3, 7), "multiply", 0.5)), 0,
			"0043a2 2d8384 686d13 | 1a6a6f 76791d 84277b"},
		{"blend screen", must(w.Blend(pattern(2, 3, 3, 0), pattern(2, 3, 3, 7), "screen", 0.5)), 0,
			"2688d0 6fbee3 aacb4a | 55accd b5d85a e367b8"},
		{"blend overlay", must(w.Blend(pattern(2, 3, 3, 0), pattern(2, 3, 3, 7), "overlay", 0.5)), 0,
			"005dce 3cb6d7 95b219 | 2398b5 aac727 d734ae"},
		{"blend soft_light", must(w.Blend(pattern(2, 3, 3, 0), pattern(2, 3, 3, 7), "soft_light", 0.5)), 0,
			"005ab8 3d9fd8 84b719 | 2386ba 93c927 d83497"},
		{"blend difference", must(w.Blend(pattern(2, 3, 3, 0), pattern(2, 3, 3, 7), "difference", 0.5)), 0,
			"00022c 0020ca 14be00 | 0015bf 1bc400 ca001d"},
		{"blur 1", must(w.Blur(pattern(4, 5, 3, 0), 1, 1)), 1,
			"3f9298 628f82 8a7e76 98717e 957588 | 588598 6f838e 827a8e 867393 857291 | 6a7d8a 6c7898 6074b4 6470b0 6c6b9e | 6a708f 5d71a4 4572c5 5663b6 6d4c9f"},
		{"blur 2", must(w.Blur(pattern(4, 5, 3, 0), 2, 0.5)), 1,
			"528994 668989 837d81 8e7286 937187 | 5e8593 6c838e 7c7a90 807495 847491 | 687b94 69779b 6574ac 666eab 7067a0 | 657894 6073a0 5471b6 5a68b3 695da5"},
		{"sharpen", must(w.Sharpen(pattern(4, 5, 3, 0), 1, 1, 0.1)), 1,
			"0013b3 138cff 61ff00 c9002f ff089b | 006afd 96ff00 ff007f 00b0ff b4ff00 | 29bcff ff0049 37c9ff 0099ff f90013 | 73ff00 005acd 006bbe 008cdf ff003e"},
		{"quantize none", must(w.Quantize(pattern(4, 5, 3, 0), 4, "none")), 0,
			"384b9e 3184d7 6fc26b d12477 d12477 | 3184d7 6fc26b d12477 3184d7 6fc26b | 3184d7 d12477 3184d7 3184d7 d12477 | 6fc26b 384b9e 3184d7 3184d7 d12477"},
		{"quantize bayer-2", must(w.Quantize(pattern(4, 5, 3, 0), 4, "bayer-2")), 0,
			"384b9e 3184d7 6fc26b d12477 d12477 | 3184d7 6fc26b d12477 3184d7 6fc26b | 3184d7 d12477 3184d7 3184d7 d12477 | 6fc26b 384b9e 3184d7 3184d7 d12477"},
		{"quantize floyd-steinberg", must(w.Quantize(pattern(4, 5, 3, 0), 4, "floyd-steinberg")), 0,
			"384b9e 3184d7 6fc26b d12477 d12477 | 3184d7 6fc26b d12477 3184d7 6fc26b | 3184d7 d12477 3184d7 3184d7 d12477 | 6fc26b 384b9e 3184d7 3184d7 d12477"},
		{"pad, mask", second(w.PadForOutpaint(pattern(5, 5, 3, 0), 2, 0, 0, 1, 2)), 0,
			"ff ff ff 3f 00 00 00 | ff ff ff 3f 00 00 00 | ff ff ff 3f 00 00 00 | ff ff ff 3f 00 00 00 | ff ff ff 3f 3f 3f 3f | ff ff ff ff ff ff ff"},
		{"composite with a mask", must(w.Composite(pattern(4, 5, 3, 0), pattern(2, 2, 3, 3), 3, 1, false, ramp(2, 2, 5))), 0,
			"0053a6 3b8ee1 76c91c b10457 ec3f92 | 2578cb 83d629 e13487 3488db 7fd225 | 4a9df0 cb1e71 4c9ff2 3a8de0 aa8950 | 6fc215 1366b9 1c6fc2 2578cb c91c6f"},
		{"composite, resized", must(w.Composite(pattern(3, 3, 3, 0), pattern(2, 2, 3, 3), 0, 0, true, nil)), 1,
			"2174c7 3e9164 5caf02 | 3386d9 59ac7f 7fd326 | 4699ec 75c89a a3f649"},
		{"composite, alpha dropped", must(w.Composite(pattern(2, 2, 3, 0), pattern(2, 2, 4, 3), 0, 0, false, nil)), 0,
			"2174c7 5caf02 | 4699ec a4f74a"},
		{"colour to mask", must(w.ColourMask(tinted(2, 1, 0x10, 0x20, 0x30), 0x102030)), 0,
			"ff ff"},
		{"feather left", must(w.Feather(solidMask(5, 4, 1), 2, 0, 0, 0)), 0,
			"7f ff ff ff ff | 7f ff ff ff ff | 7f ff ff ff ff | 7f ff ff ff ff"},
		{"feather right", must(w.Feather(solidMask(5, 4, 1), 0, 0, 2, 0)), 0,
			"7f ff ff ff ff | 7f ff ff ff ff | 7f ff ff ff ff | 7f ff ff ff ff"},
		{"feather bottom", must(w.Feather(solidMask(5, 4, 1), 0, 0, 0, 3)), 0,
			"55 55 55 55 55 | ff ff ff ff ff | ff ff ff ff ff | aa aa aa aa aa"},
		{"grow tapered", must(w.Grow(dot(5, 5), 1, true)), 0,
			"00 00 00 00 00 | 00 00 ff 00 00 | 00 ff ff ff 00 | 00 00 ff 00 00 | 00 00 00 00 00"},
		{"grow square", must(w.Grow(dot(5, 5), 1, false)), 0,
			"00 00 00 00 00 | 00 ff ff ff 00 | 00 ff ff ff 00 | 00 ff ff ff 00 | 00 00 00 00 00"},
		{"shrink tapered", must(w.Grow(ramp(4, 5, 0), -1, true)), 0,
			"00 00 1f 3e 5d | 00 17 36 55 74 | 17 2e 4d 6c 8b | 2e 45 64 83 a2"},
		{"masks multiply", must(w.MaskComposite(ramp(3, 3, 0), ramp(2, 2, 9), 1, 1, "multiply")), 0,
			"00 1f 3e | 17 20 3d | 2e 35 57"},
		{"masks add", must(w.MaskComposite(ramp(3, 3, 0), ramp(2, 2, 9), 1, 1, "add")), 0,
			"00 1f 3e | 17 cf ff | 2e fd ff"},
		{"masks subtract", must(w.MaskComposite(ramp(3, 3, 0), ramp(2, 2, 9), 1, 1, "subtract")), 0,
			"00 1f 3e | 17 00 00 | 2e 00 00"},
		{"masks and", must(w.MaskComposite(ramp(3, 3, 0), ramp(2, 2, 9), 1, 1, "and")), 0,
			"00 1f 3e | 17 00 00 | 2e 00 00"},
		{"masks or", must(w.MaskComposite(ramp(3, 3, 0), ramp(2, 2, 9), 1, 1, "or")), 0,
			"00 1f 3e | 17 ff ff | 2e ff ff"},
		{"masks xor", must(w.MaskComposite(ramp(3, 3, 0), ramp(2, 2, 9), 1, 1, "xor")), 0,
			"00 1f 3e | 17 ff ff | 2e ff ff"},
		{"threshold", must(w.Threshold(ramp(4, 5, 0), 0.5)), 0,
			"00 00 00 00 00 | 00 00 00 00 ff | 00 00 00 ff ff | 00 00 ff ff ff"},
		{"mask to image", must(w.Grey(ramp(1, 2, 0))), 0,
			"000000 1f1f1f"},
		{"green", must(w.Channel(pattern(1, 2, 3, 0), 1)), 0,
			"53 8e"},
		{"Porter-Duff SRC_OVER, img", first(w.PorterDuff(pattern(1, 3, 3, 0), ramp(1, 3, 0), pattern(1, 3, 3, 7), ramp(1, 3, 4), "SRC_OVER")), 0,
			"0053a6 4194d3 80b026"},
		{"Porter-Duff SRC_OVER, mask", second(w.PorterDuff(pattern(1, 3, 3, 0), ramp(1, 3, 0), pattern(1, 3, 3, 7), ramp(1, 3, 4), "SRC_OVER")), 0,
			"00 0c 1f"},
		{"Porter-Duff DST_OVER, img", first(w.PorterDuff(pattern(1, 3, 3, 0), ramp(1, 3, 0), pattern(1, 3, 3, 7), ramp(1, 3, 4), "DST_OVER")), 0,
			"388bde 6cbf6e a16447"},
		{"Porter-Duff DST_OVER, mask", second(w.PorterDuff(pattern(1, 3, 3, 0), ramp(1, 3, 0), pattern(1, 3, 3, 7), ramp(1, 3, 4), "DST_OVER")), 0,
			"00 0c 1f"},
		{"Porter-Duff XOR, img", first(w.PorterDuff(pattern(1, 3, 3, 0), ramp(1, 3, 0), pattern(1, 3, 3, 7), ramp(1, 3, 4), "XOR")), 0,
			"0053a6 489bc0 889e2e"},
		{"Porter-Duff XOR, mask", second(w.PorterDuff(pattern(1, 3, 3, 0), ramp(1, 3, 0), pattern(1, 3, 3, 7), ramp(1, 3, 4), "XOR")), 0,
			"bb 95 7e"},
		{"Porter-Duff OVERLAY, img", first(w.PorterDuff(pattern(1, 3, 3, 0), ramp(1, 3, 0), pattern(1, 3, 3, 7), ramp(1, 3, 4), "OVERLAY")), 0,
			"004aae 17782d 4c0e09"},
		{"Porter-Duff OVERLAY, mask", second(w.PorterDuff(pattern(1, 3, 3, 0), ramp(1, 3, 0), pattern(1, 3, 3, 7), ramp(1, 3, 4), "OVERLAY")), 0,
			"00 0c 1f"},
		{"Porter-Duff MULTIPLY, img", first(w.PorterDuff(pattern(1, 3, 3, 0), ramp(1, 3, 0), pattern(1, 3, 3, 7), ramp(1, 3, 4), "MULTIPLY")), 0,
			"00349e 1f7928 5a110b"},
		{"Porter-Duff MULTIPLY, mask", second(w.PorterDuff(pattern(1, 3, 3, 0), ramp(1, 3, 0), pattern(1, 3, 3, 7), ramp(1, 3, 4), "MULTIPLY")), 0,
			"43 75 a0"},
		{"Porter-Duff ADD, img", first(w.PorterDuff(pattern(1, 3, 3, 0), ramp(1, 3, 0), pattern(1, 3, 3, 7), ramp(1, 3, 4), "ADD")), 0,
			"38c8ff 87ffe1 b8a248"},
		{"Porter-Duff ADD, mask", second(w.PorterDuff(pattern(1, 3, 3, 0), ramp(1, 3, 0), pattern(1, 3, 3, 7), ramp(1, 3, 4), "ADD")), 0,
			"00 00 00"},
		{"join alpha", must(w.JoinAlpha(pattern(2, 2, 3, 0), ramp(2, 2, 0))), 0,
			"0053a6ff 3b8ee1e0 | 2578cbe8 83d629c9"},
		{"split alpha, image", first(w.SplitAlpha(pattern(1, 2, 4, 0))), 0,
			"0053a6 3b8ee1"},
		{"split alpha, mask", second(w.SplitAlpha(pattern(1, 2, 4, 0))), 0,
			"05 cb"},
		{"rotate 90", must(w.Rotate(pattern(2, 3, 3, 0), 1)), 0,
			"2578cb 0053a6 | 83d629 3b8ee1 | e13487 76c91c"},
		{"rotate 270", must(w.Rotate(pattern(2, 3, 3, 0), 3)), 0,
			"76c91c e13487 | 3b8ee1 83d629 | 0053a6 2578cb"},
		{"flip", must(w.FlipRows(pattern(2, 3, 3, 0))), 0,
			"2578cb 83d629 e13487 | 0053a6 3b8ee1 76c91c"},
		{"crop over the edge", must(w.Crop(pattern(4, 5, 3, 0), 4, 1, 4+3, 1+9)), 0,
			"9df043 | b30659 | c91c6f"},
		{"stitch, matched", must(w.Stitch(pattern(2, 2, 3, 0), pattern(1, 2, 3, 3), Stitching{Direction: "right", Match: true, Spacing: 2, Colour: "red"})), 0,
			"0053a6 3b8ee1 ff0000 ff0000 176aea 2f8299 4ea130 66b900 | 2578cb 83d629 ff0000 ff0000 176aea 2f8299 4ea130 66b900"},
		{"stitch, not matched", must(w.Stitch(pattern(3, 2, 3, 0), pattern(2, 1, 3, 3), Stitching{Direction: "right", Colour: "white"})), 0,
			"0053a6 3b8ee1 2174c7 | 2578cb 83d629 4699ec | 4a9df0 cb1e71 ffffff"},
		{"resize and pad", must(w.ResizeAndPad(pattern(2, 4, 3, 0), 4, 4, 1, Nearest)), 0,
			"ffffff ffffff ffffff ffffff | 0053a6 3b8ee1 76c91c b10457 | 2578cb 83d629 e13487 3f92e5 | ffffff ffffff ffffff ffffff"},
		{"longest side 3", must(w.Resize(pattern(3, 5, 3, 0), 3, 2, Nearest, false)), 0,
			"0053a6 76c91c ec3f92 | 4a9df0 4c9ff2 b30659"},
		{"batch, first", must(w.Batch(pattern(2, 2, 3, 0), pattern(2, 4, 3, 2))).Frame(0), 0,
			"0053a6 3b8ee1 | 2578cb 83d629"},
		{"batch, second", must(w.Batch(pattern(2, 2, 3, 0), pattern(2, 4, 3, 2))).Frame(1), 1,
			"51a4f7 8cdf32 | 99ec3f f74a9d"},
		{"erode", must(w.Morphology(pattern(3, 4, 3, 0), "erode", 3)), 0,
			"005329 00341c 3b041c 3f041c | 001e29 001e1c 32041c 32041c | 251e29 251e29 321e29 323487"},
		{"dilate", must(w.Morphology(pattern(3, 4, 3, 0), "dilate", 3)), 0,
			"83d6e1 e1d6e1 e1d6e5 e1c9e5 | cbd6f0 e1d6f2 e1d6f2 e1c9f2 | cbd6f0 e1d6f2 e1d6f2 e19ff2"},
		{"open", must(w.Morphology(pattern(3, 4, 3, 0), "open", 3)), 0,
			"005329 3b5329 3f341c 3f041c | 255329 3b5329 3f3487 3f3487 | 251e29 321e29 323487 323487"},
		{"close", must(w.Morphology(pattern(3, 4, 3, 0), "close", 3)), 0,
			"83d6e1 83d6e1 e1c9e1 e1c9e5 | 83d6e1 83d6e1 e19fe1 e19fe5 | cbd6f0 cbd6f0 e19ff2 e19ff2"},
		{"gradient", must(w.Morphology(pattern(3, 4, 3, 0), "gradient", 3)), 0,
			"8383b8 e1a2c5 a6d2c9 a2c5c9 | cbb8c7 e1b8d6 afd2d6 afc5d6 | a6b8c7 bcb8c9 afb8c9 af6b6a"},
		{"bottom_hat", must(w.Morphology(pattern(3, 4, 3, 0), "bottom_hat", 3)), 0,
			"83833a 484700 6b00c5 2fc58d | 5e5e15 0000b8 006b59 a20c00 | 813800 00b87f 950000 af1919"},
		{"top_hat", must(w.Morphology(pattern(3, 4, 3, 0), "top_hat", 3)), 0,
			"00007d 003bb8 379500 72003b | 0024a2 488300 a20000 005e5d | 257fc7 990047 1a6b6a 005150"},
		{"dilate, even size", must(w.Morphology(pattern(3, 4, 3, 0), "dilate", 4)), 0,
			"e1d6f2 e1d6f2 e1d6f2 e1c9f2 | e1d6f2 e1d6f2 e1d6f2 e1c9f2 | e1d6f2 e1d6f2 e1d6f2 e19ff2"},
		{"to YUV, Y", plane3(w.ToYUV(pattern(1, 3, 3, 0)))(0), 0,
			"434343 7e7e7e 9c9c9c"},
		{"to YUV, U", plane3(w.ToYUV(pattern(1, 3, 3, 0)))(1), 0,
			"b6b6b6 b6b6b6 373737"},
		{"to YUV, V", plane3(w.ToYUV(pattern(1, 3, 3, 0)))(2), 0,
			"4f4f4f 4f4f4f 646464"},
		{"and back", must(w.FromYUV(plane3(w.ToYUV(pattern(1, 3, 3, 0)))(0), plane3(w.ToYUV(pattern(1, 3, 3, 0)))(1), plane3(w.ToYUV(pattern(1, 3, 3, 0)))(2))), 1,
			"0052a5 3a8de0 75c81c"},
		{"canny", must(w.Channel(must(w.Canny(whiteSquare(), 0.4, 0.8)), 0)), 0,
			"00 00 00 00 00 00 00 00 00 00 00 00 | 00 00 00 00 00 00 00 00 00 00 00 00 | 00 00 00 00 00 00 00 00 00 00 00 00 | 00 00 00 00 00 ff 00 00 00 00 00 00 | 00 00 00 ff ff 00 ff ff 00 00 00 00 | 00 00 00 ff 00 00 00 ff 00 00 00 00 | 00 00 ff 00 00 00 00 00 ff 00 00 00 | 00 00 00 ff 00 00 00 ff 00 00 00 00 | 00 00 00 ff ff 00 ff ff 00 00 00 00 | 00 00 00 00 00 ff 00 00 00 00 00 00 | 00 00 00 00 00 00 00 00 00 00 00 00 | 00 00 00 00 00 00 00 00 00 00 00 00"},
	} {
		t.Run(x.name, func(t *testing.T) {
			worst, err := furthest(x.got, x.want)
			if err != nil {
				t.Fatal(err)
			}
			if worst > x.off {
				t.Errorf("off by %d\n got %s\nwant %s", worst, shown(x.got), x.want)
			}
		})
	}
}

// furthest is the largest difference of a byte.
func furthest(m *Image, want string) (int, error) {
	digits := strings.NewReplacer(" ", "", "|", "").Replace(want)
	if len(digits) != 2*len(m.Pix) || strings.Count(want, "|") != m.H-1 {
		return 0, fmt.Errorf("%d×%d×%d values, want %q", m.H, m.W, m.C, want)
	}
	worst := 0
	for i, v := range m.Pix {
		b, err := strconv.ParseUint(digits[2*i:2*i+2], 16, 8)
		if err != nil {
			return 0, err
		}
		d := int(Byte(v)) - int(b)
		worst = max(worst, d, -d)
	}
	return worst, nil
}

func shown(m *Image) string {
	var out strings.Builder
	for i, v := range m.Pix {
		switch {
		case i > 0 && i%(m.W*m.C) == 0:
			out.WriteString(" | ")
		case i > 0 && i%m.C == 0:
			out.WriteString(" ")
		}
		fmt.Fprintf(&out, "%02x", Byte(v))
	}
	return out.String()
}
