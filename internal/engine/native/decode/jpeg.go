package decode

import "bytes"

// jpegFile is a JPEG on its way: baseline, extended sequential or progressive,
// 8 bits, Huffman. It computes what libjpeg computes, bit for bit: the accurate
// integer transform, smooth upsampling, and zeros for what is missing.
type jpegFile struct {
	r             *Reader
	data          []byte
	at            int
	width, height int
	progressive   bool
	components    []*jpegComponent
	maxH, maxV    int
	mcusX, mcusY  int
	quant         [4]*[64]uint16
	huff          [2][4]*huffman // DC, AC
	restart       int            // MCUs between restart markers
	adobe         int            // the transform it says; -1 without the marker
	jfif          bool
	orientation   int
	scans         int
}

// jpegComponent is one channel, kept as coefficients until all scans are read.
type jpegComponent struct {
	id, h, v       int
	quant          int
	table          *[64]uint16 // as it was when the component's first scan began
	blocksX        int         // with those that fill up an MCU
	blocksY        int
	ownX, ownY     int // without
	coefficients   []int16
	dc, ac         int // tables of the current scan
	predicted      int32
	pix            []byte // after the transform: blocksX*8 wide
	sampleW, sampH int    // real samples
}

func (r *Reader) jpeg(data []byte) (*Picture, error) {
	j := &jpegFile{r: r, data: data, at: 2, adobe: -1}
	if err := j.read(); err != nil {
		return nil, err
	}
	if j.components == nil {
		return nil, broken("a JPEG without a picture")
	}
	frame, err := j.frame()
	if err != nil {
		return nil, err
	}
	return &Picture{Frames: []Frame{frame}, Orientation: j.orientation}, nil
}

// read goes through the markers up to the end of the picture or of the file.
func (j *jpegFile) read() error {
	for {
		marker, ok := j.marker()
		if !ok || marker == 0xd9 {
			return nil
		}
		if marker >= 0xd0 && marker <= 0xd7 || marker == 0x01 {
			continue
		}
		body, ok := j.segment()
		if !ok {
			return nil
		}
		var err error
		switch marker {
		case 0xc0, 0xc1, 0xc2:
			j.progressive = marker == 0xc2
			err = j.start(body)
		case 0xc4:
			err = j.tables(body)
		case 0xdb:
			err = j.quantisers(body)
		case 0xdd:
			if len(body) >= 2 {
				j.restart = int(body[0])<<8 | int(body[1])
			}
		case 0xda:
			err = j.scan(body)
		case 0xe0:
			j.jfif = j.jfif || bytes.HasPrefix(body, []byte("JFIF\x00"))
		case 0xe1:
			if bytes.HasPrefix(body, []byte("Exif\x00\x00")) && j.orientation == 0 {
				j.orientation = exifOrientation(body)
			}
		case 0xee:
			if bytes.HasPrefix(body, []byte("Adobe")) && len(body) >= 12 {
				j.adobe = int(body[11])
			}
		case 0xc3, 0xc5, 0xc6, 0xc7, 0xc9, 0xca, 0xcb, 0xcd, 0xce, 0xcf:
			err = broken("a JPEG of a kind that is not read (marker %#x)", marker)
		}
		if err != nil {
			return err
		}
	}
}

// marker finds the next marker.
func (j *jpegFile) marker() (byte, bool) {
	for j.at+1 < len(j.data) {
		if j.data[j.at] == 0xff && j.data[j.at+1] != 0 && j.data[j.at+1] != 0xff {
			j.at += 2
			return j.data[j.at-1], true
		}
		j.at++
	}
	return 0, false
}

// segment reads a marker's body.
func (j *jpegFile) segment() ([]byte, bool) {
	if j.at+2 > len(j.data) {
		return nil, false
	}
	n := int(j.data[j.at])<<8 | int(j.data[j.at+1])
	if n < 2 || j.at+n > len(j.data) {
		return nil, false
	}
	body := j.data[j.at+2 : j.at+n]
	j.at += n
	return body, true
}

// start reads a frame header and makes room for the coefficients.
func (j *jpegFile) start(b []byte) error {
	if j.components != nil || len(b) < 6 || b[0] != 8 || len(b) < 6+3*int(b[5]) {
		return broken("a JPEG with a wrong header")
	}
	j.height, j.width = int(b[1])<<8|int(b[2]), int(b[3])<<8|int(b[4])
	n := int(b[5])
	if n != 1 && n != 3 && n != 4 {
		return broken("a JPEG of %d channels", n)
	}
	if err := j.r.room(j.width, j.height, 3+6*n); err != nil {
		return err
	}
	for i := range n {
		c := &jpegComponent{id: int(b[6+3*i]), h: int(b[7+3*i] >> 4), v: int(b[7+3*i] & 15), quant: int(b[8+3*i])}
		if c.h < 1 || c.h > 4 || c.v < 1 || c.v > 4 || c.quant > 3 {
			return broken("a JPEG with wrong sampling")
		}
		j.maxH, j.maxV = max(j.maxH, c.h), max(j.maxV, c.v)
		j.components = append(j.components, c)
	}
	j.mcusX, j.mcusY = ceil(j.width, 8*j.maxH), ceil(j.height, 8*j.maxV)
	for _, c := range j.components {
		c.sampleW, c.sampH = ceil(j.width*c.h, j.maxH), ceil(j.height*c.v, j.maxV)
		c.ownX, c.ownY = ceil(c.sampleW, 8), ceil(c.sampH, 8)
		c.blocksX, c.blocksY = j.mcusX*c.h, j.mcusY*c.v
		c.coefficients = make([]int16, 64*c.blocksX*c.blocksY)
	}
	return nil
}

func ceil(a, b int) int { return (a + b - 1) / b }

func (j *jpegFile) quantisers(b []byte) error {
	for len(b) > 0 {
		wide, id := b[0]>>4, b[0]&15
		size := 64
		if wide == 1 {
			size = 128
		}
		if wide > 1 || id > 3 || len(b) < 1+size {
			return broken("a JPEG with a wrong quantisation table")
		}
		t := new([64]uint16)
		for i := range 64 {
			if wide == 1 {
				t[zigzag[i]] = uint16(b[1+2*i])<<8 | uint16(b[2+2*i])
			} else {
				t[zigzag[i]] = uint16(b[1+i])
			}
		}
		j.quant[id] = t
		b = b[1+size:]
	}
	return nil
}

// zigzag is where the coefficients, in the order of the file, stand in a block.
var zigzag = [64]int{
	0, 1, 8, 16, 9, 2, 3, 10, 17, 24, 32, 25, 18, 11, 4, 5,
	12, 19, 26, 33, 40, 48, 41, 34, 27, 20, 13, 6, 7, 14, 21, 28,
	35, 42, 49, 56, 57, 50, 43, 36, 29, 22, 15, 23, 30, 37, 44, 51,
	58, 59, 52, 45, 38, 31, 39, 46, 53, 60, 61, 54, 47, 55, 62, 63,
}
