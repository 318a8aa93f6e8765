package uploadertest

import (
	"encoding/xml"
	"fmt"
	"net/http"
	"strings"
)

// minPartSize is the least size of every part but the last.
const minPartSize = 5 << 20

// maxParts is the largest number of a part.
const maxParts = 10_000

// upload is a multipart upload that is neither complete nor aborted.
type upload struct {
	number      int // 1 for the first one, and so on
	bucket, key string
	object      *Object        // without its bytes
	parts       map[int][]byte // by part number
}

// completion is the body of CompleteMultipartUpload.
type completion struct {
	XMLName xml.Name `xml:"CompleteMultipartUpload"`
	Parts   []struct {
		PartNumber    int
		ETag          string
		ChecksumCRC32 string
	} `xml:"Part"`
}

// createLocked serves CreateMultipartUpload.
func (s *S3) createLocked(c Call, req *http.Request) *http.Response {
	s.checkHeaders(c, req)
	if got := req.Header.Get("X-Amz-Checksum-Algorithm"); got != "CRC32" {
		s.misuse(c, "got x-amz-checksum-algorithm %q, want CRC32", got)
	}
	o := objectOf(req)
	o.Multipart = true
	id := s.beginLocked(c.Bucket, c.Key, o)
	return answer(req, http.StatusOK, nil, fmt.Appendf(nil,
		`<InitiateMultipartUploadResult><UploadId>%s</UploadId></InitiateMultipartUploadResult>`, id))
}

// beginLocked begins an upload and returns its id.
func (s *S3) beginLocked(bucket, key string, o *Object) string {
	s.mu.lastID++
	id := fmt.Sprintf(idForm, s.mu.lastID)
	s.mu.uploads[id] = &upload{number: s.mu.lastID, bucket: bucket, key: key, object: o, parts: make(map[int][]byte)}
	return id
}

// idForm is what the id of an upload with a number looks like.
const idForm = "upload-%d"

// findLocked returns the upload that c is about, or nil.
func (s *S3) findLocked(c Call) *upload {
	up := s.mu.uploads[c.UploadID]
	if up == nil || up.bucket != c.Bucket || up.key != c.Key {
		return nil
	}
	return up
}

// partLocked serves UploadPart. A part that was sent before is replaced.
func (s *S3) partLocked(c Call, req *http.Request, body []byte) *http.Response {
	s.checkBody(c, req, body)
	if c.Part < 1 || c.Part > maxParts {
		s.misuse(c, "got part %d, want 1 to %d", c.Part, maxParts)
	}
	up := s.findLocked(c)
	if up == nil {
		return errorAnswer(req, http.StatusNotFound, "NoSuchUpload", nil)
	}
	up.parts[c.Part] = body
	return answer(req, http.StatusOK, map[string]string{
		"ETag": `"` + etag(body) + `"`, "x-amz-checksum-crc32": checksum(body),
	}, nil)
}

// completeLocked serves CompleteMultipartUpload.
func (s *S3) completeLocked(c Call, req *http.Request, body []byte) *http.Response {
	s.checkCreateOnly(c, req)
	up := s.findLocked(c)
	if up == nil {
		return errorAnswer(req, http.StatusNotFound, "NoSuchUpload", nil)
	}
	name := objectName(c.Bucket, c.Key)
	if _, there := s.mu.objects[name]; there {
		return errorAnswer(req, http.StatusPreconditionFailed, "PreconditionFailed", nil)
	}
	whole, problem := up.join(body)
	if problem != "" {
		s.misuse(c, "%s", problem)
		return errorAnswer(req, http.StatusBadRequest, "InvalidPart", nil)
	}
	up.object.Body, up.object.ETag = whole, fmt.Sprintf("%s-%d", etag(whole), len(up.parts))
	s.mu.objects[name] = up.object
	delete(s.mu.uploads, c.UploadID)
	return answer(req, http.StatusOK, nil, fmt.Appendf(nil,
		`<CompleteMultipartUploadResult><ETag>"%s"</ETag></CompleteMultipartUploadResult>`, up.object.ETag))
}

// join puts the parts that are listed together, or says what is wrong with them.
func (up *upload) join(list []byte) (whole []byte, problem string) {
	var want completion
	if err := xml.Unmarshal(list, &want); err != nil {
		return nil, fmt.Sprintf("the list of parts is not XML: %v", err)
	}
	size := 0
	for _, part := range up.parts {
		size += len(part)
	}
	whole = make([]byte, 0, size)
	for i, p := range want.Parts {
		part, ok := up.parts[p.PartNumber]
		switch {
		case p.PartNumber != i+1:
			return nil, fmt.Sprintf("part %d stands at place %d", p.PartNumber, i+1)
		case !ok:
			return nil, fmt.Sprintf("part %d was never sent", p.PartNumber)
		case strings.Trim(p.ETag, `"`) != etag(part):
			return nil, fmt.Sprintf("part %d: got ETag %s, want %s", p.PartNumber, p.ETag, etag(part))
		case p.ChecksumCRC32 != checksum(part):
			return nil, fmt.Sprintf("part %d: got checksum %q, want %q", p.PartNumber, p.ChecksumCRC32, checksum(part))
		case len(part) < minPartSize && i != len(want.Parts)-1:
			return nil, fmt.Sprintf("part %d has only %d bytes", p.PartNumber, len(part))
		}
		whole = append(whole, part...)
	}
	if len(want.Parts) != len(up.parts) {
		return nil, fmt.Sprintf("%d parts were sent, %d are listed", len(up.parts), len(want.Parts))
	}
	return whole, ""
}

// abortLocked serves AbortMultipartUpload.
func (s *S3) abortLocked(c Call, req *http.Request) *http.Response {
	if s.findLocked(c) == nil {
		return errorAnswer(req, http.StatusNotFound, "NoSuchUpload", nil)
	}
	delete(s.mu.uploads, c.UploadID)
	return answer(req, http.StatusNoContent, nil, nil)
}
