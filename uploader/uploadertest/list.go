package uploadertest

import (
	"cmp"
	"encoding/xml"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
)

// uploadList is the answer to ListMultipartUploads.
type uploadList struct {
	XMLName            xml.Name `xml:"ListMultipartUploadsResult"`
	Bucket             string
	Prefix             string
	EncodingType       string `xml:",omitempty"`
	NextKeyMarker      string
	NextUploadIDMarker string `xml:"NextUploadIdMarker"`
	MaxUploads         int
	IsTruncated        bool
	Upload             []listedUpload
}

type listedUpload struct {
	Key      string
	UploadID string `xml:"UploadId"`
}

// listLocked serves ListMultipartUploads: sorted by key, then by age, a page at a
// time. A list of more than one key's uploads is none of the uploader's business.
func (s *S3) listLocked(c Call, req *http.Request) *http.Response {
	q := req.URL.Query()
	if c.Key == "" {
		s.misuse(c, "lists the uploads of the whole bucket")
	}
	size := s.mu.pageSize
	if n, err := strconv.Atoi(q.Get("max-uploads")); err == nil {
		size = min(size, n)
	}
	var marked int
	_, _ = fmt.Sscanf(q.Get("upload-id-marker"), idForm, &marked) // 0 if there is none
	var found []*upload
	for _, up := range s.mu.uploads {
		behind := up.key > q.Get("key-marker") || up.key == q.Get("key-marker") && q.Has("upload-id-marker") && up.number > marked
		if up.bucket == c.Bucket && strings.HasPrefix(up.key, c.Key) && behind {
			found = append(found, up)
		}
	}
	slices.SortFunc(found, func(a, b *upload) int {
		return cmp.Or(strings.Compare(a.key, b.key), a.number-b.number)
	})
	return answer(req, http.StatusOK, nil, s.pageLocked(c, found, size, q.Get("encoding-type") == "url" && !s.mu.plain))
}

// pageLocked writes the first uploads of a list.
func (s *S3) pageLocked(c Call, found []*upload, size int, encode bool) []byte {
	show := func(key string) string { return key }
	list := uploadList{Bucket: c.Bucket, MaxUploads: size, IsTruncated: len(found) > size}
	if encode {
		show, list.EncodingType = url.QueryEscape, "url"
	}
	list.Prefix = show(c.Key)
	for _, up := range found[:min(size, len(found))] {
		list.Upload = append(list.Upload, listedUpload{Key: show(up.key), UploadID: fmt.Sprintf(idForm, up.number)})
	}
	if list.IsTruncated {
		last := list.Upload[len(list.Upload)-1]
		list.NextKeyMarker, list.NextUploadIDMarker = last.Key, last.UploadID
	}
	body, err := xml.Marshal(list)
	if err != nil {
		panic(fmt.Sprintf("uploadertest: invariant: a list can be written as XML: %v", err))
	}
	return body
}
