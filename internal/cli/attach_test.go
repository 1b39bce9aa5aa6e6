package cli_test

import (
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"
)

const loading = `{"1": {"class_type": "LoadImage", "inputs": {"image": "%s"}}, "2": {"class_type": "Noise", "inputs": {"text": "%s"}}}`

func TestFilesBesideTheWorkflowAreUploaded(t *testing.T) {
	for name, test := range map[string]struct {
		names   [2]string // of LoadImage, and of a node that loads nothing
		called  string    // what the server calls an upload
		uploads []string
		sent    string // LoadImage's input; as it was when empty
	}{
		"beside":           {[2]string{"cat.png", "dog.png"}, "", []string{"/cat.png=meow"}, ""},
		"below":            {[2]string{"pets/cat.png", ""}, "", []string{"pets/cat.png=purr"}, ""},
		"marked input":     {[2]string{"cat.png [input]", ""}, "", []string{"/cat.png=meow"}, ""},
		"called otherwise": {[2]string{"cat.png", ""}, "cat (1).png", []string{"/cat.png=meow"}, "cat (1).png"},
		"on the server":    {[2]string{"bird.png", ""}, "", nil, ""},
		"output":           {[2]string{"cat.png [output]", ""}, "", nil, ""},
		"outside":          {[2]string{"../secret", ""}, "", nil, ""},
		"by a link":        {[2]string{"link", ""}, "", nil, ""},
		"a folder":         {[2]string{"pets", ""}, "", nil, ""},
	} {
		t.Run(name, func(t *testing.T) {
			s, c := newShell(t), newCloud(t)
			c.frames, c.uploadAs = whole, test.called
			s.write("secret", "secret")
			s.write("w/cat.png", "meow")
			s.write("w/dog.png", "woof")
			s.write("w/pets/cat.png", "purr")
			if err := os.Symlink("../secret", "w/link"); err != nil {
				t.Fatal(err)
			}
			graph := fmt.Sprintf(loading, test.names[0], test.names[1])
			s.write("w/w.json", graph)
			s.want(s.run("run", "w/w.json", "--server", c.serve()), 0, "")
			if !slices.Equal(c.uploads, test.uploads) {
				t.Errorf("uploaded %q", c.uploads)
			}
			want := graph
			if test.sent != "" {
				want = fmt.Sprintf(loading, test.sent, test.names[1])
			}
			if !strings.HasPrefix(c.received, `{"prompt":`+want) {
				t.Errorf("sent %s", c.received)
			}
		})
	}
}
