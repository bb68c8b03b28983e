package console

import (
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"embed"
	"encoding/hex"
	"io/fs"
	"net/http"
	"path"
	"strconv"
	"strings"
)

//go:embed dist
var dist embed.FS

// file is a file of the page.
type file struct {
	mediaType   string
	etag        string // without quotes
	plain, gzip []byte
}

// mediaTypes are those of the files, by the end of their names.
var mediaTypes = map[string]string{
	".html": "text/html; charset=utf-8",
	".js":   "text/javascript; charset=utf-8",
	".css":  "text/css; charset=utf-8",
	".svg":  "image/svg+xml",
	".txt":  "text/plain; charset=utf-8",
}

// embeddedFiles returns the files of the page by their path; "/" is index.html.
func embeddedFiles() map[string]*file {
	all := make(map[string]*file)
	_ = fs.WalkDir(dist, "dist", func(name string, entry fs.DirEntry, _ error) error { // it is in memory: nothing fails
		if mediaType := mediaTypes[path.Ext(name)]; !entry.IsDir() && mediaType != "" {
			text, _ := dist.ReadFile(name)
			all[strings.TrimPrefix(name, "dist")] = newFile(text, mediaType)
		}
		return nil
	})
	all["/"] = all["/index.html"]
	return all
}

func newFile(text []byte, mediaType string) *file {
	sum := sha256.Sum256(text)
	var b bytes.Buffer
	z, _ := gzip.NewWriterLevel(&b, gzip.BestCompression) // the level is right
	_, _ = z.Write(text)                                  // a Buffer takes all
	_ = z.Close()
	return &file{mediaType: mediaType, etag: hex.EncodeToString(sum[:16]), plain: text, gzip: b.Bytes()}
}

// serve answers a GET or HEAD.
func (f *file) serve(w http.ResponseWriter, r *http.Request) {
	h, body, etag := w.Header(), f.plain, `"`+f.etag+`"`
	h.Set("Vary", "Accept-Encoding")
	if acceptsGzip(r.Header.Values("Accept-Encoding")) {
		body, etag = f.gzip, `"`+f.etag+`-gzip"`
		h.Set("Content-Encoding", "gzip")
	}
	h.Set("Cache-Control", "no-cache") // use it, but ask before: the ETag answers
	h.Set("ETag", etag)
	if strings.Contains(r.Header.Get("If-None-Match"), etag) {
		h.Del("Content-Encoding")
		w.WriteHeader(http.StatusNotModified)
		return
	}
	h.Set("Content-Type", f.mediaType)
	h.Set("Content-Length", strconv.Itoa(len(body)))
	_, _ = w.Write(body)
}

// acceptsGzip reports whether a client takes gzip (RFC 9110 section 12.5.3).
func acceptsGzip(headers []string) bool {
	for coding := range strings.SplitSeq(strings.Join(headers, ","), ",") {
		name, weight, _ := strings.Cut(coding, ";")
		if strings.EqualFold(strings.TrimSpace(name), "gzip") {
			q, err := strconv.ParseFloat(strings.TrimPrefix(strings.ReplaceAll(weight, " ", ""), "q="), 64)
			return err != nil || q > 0
		}
	}
	return false
}
