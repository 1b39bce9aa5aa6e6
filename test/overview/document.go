// Package overview runs the code of the Cloud API overview, as it stands in the
// document, against a Settee: only base URL and key differ. The document is not
// part of this repository; SETTEE_OVERVIEW names it.
package overview

import (
	"bufio"
	"os"
	"strings"
)

// Block is one fenced piece of code.
type Block struct {
	Section string // text of the heading above it
	Lang    string // "python", "typescript", "bash"
	Code    string // without the fence's indentation
}

// Blocks reads the fenced code of a Markdown document, in order.
func Blocks(path string) ([]Block, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	var (
		blocks  []Block
		section string
		open    *Block
		indent  string
	)
	lines := bufio.NewScanner(f)
	lines.Buffer(nil, 1<<20)
	for lines.Scan() {
		line := lines.Text()
		trimmed := strings.TrimLeft(line, " ")
		switch {
		case open != nil && strings.HasPrefix(trimmed, "```"):
			blocks = append(blocks, *open)
			open = nil
		case open != nil:
			open.Code += strings.TrimPrefix(line, indent) + "\n"
		case strings.HasPrefix(trimmed, "```"):
			lang, _, _ := strings.Cut(strings.TrimPrefix(trimmed, "```"), " ")
			open = &Block{Section: section, Lang: lang}
			indent = line[:len(line)-len(trimmed)]
		case strings.HasPrefix(line, "#"):
			section = strings.TrimSpace(strings.TrimLeft(line, "#"))
		}
	}
	return blocks, lines.Err()
}
