// Lists archives as Go's archive/tar reads them, which is how containerd, Docker and Podman read layers.
//
// Standard input: archives, each after its length in 8 bytes, big-endian. Standard output for each: one JSON line
// per entry, then {"end": "..."} with the error, or with "eof".
package main

import (
	"archive/tar"
	"bufio"
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"sort"
	"strings"
)

type entry struct {
	Name   []byte   `json:"name"`
	Flag   byte     `json:"flag"`
	Size   int64    `json:"size"`
	Link   []byte   `json:"link"`
	Mode   int64    `json:"mode"`
	UID    int      `json:"uid"`
	GID    int      `json:"gid"`
	Mtime  int64    `json:"mtime"`
	Major  int64    `json:"major"`
	Minor  int64    `json:"minor"`
	Xattrs []string `json:"xattrs"`
	Read   int64    `json:"read"`
	Hash   string   `json:"hash"`
}

func main() {
	in := bufio.NewReaderSize(os.Stdin, 1<<20)
	out := bufio.NewWriterSize(os.Stdout, 1<<20)
	encoder := json.NewEncoder(out)
	for {
		var length uint64
		if binary.Read(in, binary.BigEndian, &length) != nil {
			return
		}
		archive := make([]byte, length)
		if _, err := io.ReadFull(in, archive); err != nil {
			return
		}
		end := list(archive, encoder)
		encoder.Encode(map[string]string{"end": end})
		out.Flush()
	}
}

func list(archive []byte, encoder *json.Encoder) string {
	reader := tar.NewReader(struct{ io.Reader }{bytes.NewReader(archive)})
	// Content is read by a second reader: one that fails there would fail the listing too.
	contents := tar.NewReader(struct{ io.Reader }{bytes.NewReader(archive)})
	for {
		header, err := reader.Next()
		if err == io.EOF {
			return "eof"
		}
		if err != nil {
			return err.Error()
		}
		record := entry{
			Name: []byte(header.Name), Flag: header.Typeflag, Size: header.Size, Link: []byte(header.Linkname),
			Mode: header.Mode, UID: header.Uid, GID: header.Gid, Mtime: header.ModTime.Unix(),
			Major: header.Devmajor, Minor: header.Devminor, Xattrs: []string{},
		}
		// containerd takes attributes from the records: there an empty one counts.
		for key, value := range header.PAXRecords {
			if name := strings.TrimPrefix(key, "SCHILY.xattr."); name != key {
				record.Xattrs = append(record.Xattrs, fmt.Sprintf("%x=%x", name, value))
			}
		}
		sort.Strings(record.Xattrs)
		if _, err := contents.Next(); err == nil {
			hash := sha256.New()
			// A sparse file may claim to be larger than any disk; its first MiB tells enough.
			if read, err := io.CopyN(hash, contents, 1<<20); err == nil || err == io.EOF {
				record.Read = read
				record.Hash = fmt.Sprintf("%x", hash.Sum(nil))
			}
		}
		encoder.Encode(record)
	}
}
