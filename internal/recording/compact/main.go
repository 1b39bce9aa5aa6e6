// Command compact turns a recorder's folder into the files that package
// recording reads:
//
//	go run ./internal/recording/compact -from DIR
//
// It leaves out lines of source in tracebacks, tooltips, descriptions, films,
// sounds and pictures of random weights. The same folder gives the same bytes.
package main

import (
	"bytes"
	"compress/gzip"
	"encoding/json"
	"flag"
	"fmt"
	"log"
	"os"
	"path/filepath"
)

func main() {
	from := flag.String("from", "", "the recorder's folder: cases/, errors/, exchanges/, object_info.json, …")
	to := flag.String("to", "internal/recording/testdata", "where the compact files go")
	flag.Parse()
	log.SetFlags(0)
	if *from == "" {
		log.Fatal("-from is missing")
	}
	if err := run(*from, *to); err != nil {
		log.Fatal(err)
	}
}

func run(from, to string) error {
	cases, err := readCases(filepath.Join(from, "cases"))
	if err != nil {
		return err
	}
	refusals, err := readExchanges(filepath.Join(from, "errors"))
	if err != nil {
		return err
	}
	exchanges, err := readExchanges(filepath.Join(from, "exchanges"))
	if err != nil {
		return err
	}
	answers, err := readAnswers(from)
	if err != nil {
		return err
	}
	infos, err := definitions(from, cases, refusals)
	if err != nil {
		return err
	}
	nodes, err := customNodes(from)
	if err != nil {
		return err
	}
	files := []struct {
		name string
		data []byte
		err  error
	}{
		{name: "object_info.json.gz", data: infos},
		{name: "object_info_recording_nodes.json.gz", data: nodes},
		{name: "cases.jsonl.gz"}, {name: "errors.jsonl.gz"},
		{name: "exchanges.jsonl.gz"}, {name: "answers.jsonl.gz"},
	}
	files[2].data, files[2].err = lines(cases)
	files[3].data, files[3].err = lines(refusals)
	files[4].data, files[4].err = lines(exchanges)
	files[5].data, files[5].err = lines(answers)
	for _, f := range files {
		if f.err != nil {
			return f.err
		}
		if err := pack(filepath.Join(to, f.name), f.data); err != nil {
			return err
		}
	}
	fmt.Printf("%d cases, %d refusals, %d exchanges, %d answers\n", len(cases), len(refusals), len(exchanges), len(answers))
	return nil
}

// lines writes one row of JSON a line.
func lines[T any](rows []T) ([]byte, error) {
	var out bytes.Buffer
	e := json.NewEncoder(&out)
	e.SetEscapeHTML(false)
	for _, row := range rows {
		if err := e.Encode(row); err != nil {
			return nil, err
		}
	}
	return out.Bytes(), nil
}

// pack writes a gzip file without name or time in it.
func pack(path string, data []byte) error {
	var out bytes.Buffer
	z, err := gzip.NewWriterLevel(&out, gzip.BestCompression)
	if err != nil {
		return err
	}
	if _, err := z.Write(data); err != nil {
		return err
	}
	if err := z.Close(); err != nil {
		return err
	}
	return os.WriteFile(path, out.Bytes(), 0o644)
}
