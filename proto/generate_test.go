// Package proto_test checks that the committed Go code is what the pinned
// generators make of the .proto files. Run with -update to write it anew:
//
//	go test ./proto -update
package proto_test

import (
	"bytes"
	"context"
	"flag"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/bufbuild/protocompile"
	"google.golang.org/genproto/googleapis/rpc/status"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protodesc"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/types/descriptorpb"
	"google.golang.org/protobuf/types/pluginpb"
)

var update = flag.Bool("update", false, "write the generated files anew")

var sources = []string{"bfxvault/v1/signer.proto", "bfxvault/v1/admin.proto"}

func TestGeneratedCodeIsWhatThePinnedGeneratorsMake(t *testing.T) {
	request := compile(t)
	generators := []struct{ tool, parameter string }{
		{"protoc-gen-go", "paths=source_relative"},
		{"protoc-gen-go-grpc", "paths=source_relative"},
	}
	for _, g := range generators {
		request.Parameter = proto.String(g.parameter)
		for _, file := range generate(t, g.tool, request) {
			path := filepath.FromSlash(file.GetName())
			if *update {
				if err := os.WriteFile(path, []byte(file.GetContent()), 0o644); err != nil {
					t.Fatal(err)
				}
				continue
			}
			have, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			if !bytes.Equal(have, []byte(file.GetContent())) {
				t.Errorf("%s is not what %s makes of its source; run: go test ./proto -update", path, g.tool)
			}
		}
	}
}

// compile reads the sources with a pure Go compiler, so that the check needs no
// protoc on the machine.
func compile(t *testing.T) *pluginpb.CodeGeneratorRequest {
	t.Helper()
	c := protocompile.Compiler{
		Resolver: protocompile.WithStandardImports(protocompile.CompositeResolver{
			&protocompile.SourceResolver{},
			protocompile.ResolverFunc(resolveStatus),
		}),
		SourceInfoMode: protocompile.SourceInfoStandard,
	}
	files, err := c.Compile(context.Background(), sources...)
	if err != nil {
		t.Fatal(err)
	}
	request := &pluginpb.CodeGeneratorRequest{FileToGenerate: sources}
	seen := map[string]bool{}
	for _, f := range files {
		appendWithImports(request, f, seen)
	}
	return request
}

// resolveStatus answers for google/rpc/status.proto with the descriptor that the
// runtime is linked with.
func resolveStatus(path string) (protocompile.SearchResult, error) {
	f := (&status.Status{}).ProtoReflect().Descriptor().ParentFile()
	if path != f.Path() {
		return protocompile.SearchResult{}, os.ErrNotExist
	}
	return protocompile.SearchResult{Desc: f}, nil
}

// appendWithImports adds a file after the files that it imports, as protoc does.
func appendWithImports(request *pluginpb.CodeGeneratorRequest, f protoreflect.FileDescriptor, seen map[string]bool) {
	if seen[f.Path()] {
		return
	}
	seen[f.Path()] = true
	imports := f.Imports()
	for i := range imports.Len() {
		appendWithImports(request, imports.Get(i).FileDescriptor, seen)
	}
	request.ProtoFile = append(request.ProtoFile, descriptor(f))
}

func descriptor(f protoreflect.FileDescriptor) *descriptorpb.FileDescriptorProto {
	if result, ok := f.(interface {
		FileDescriptorProto() *descriptorpb.FileDescriptorProto
	}); ok {
		return result.FileDescriptorProto() // keeps the comments
	}
	return protodesc.ToFileDescriptorProto(f)
}

func generate(t *testing.T, tool string, request *pluginpb.CodeGeneratorRequest) []*pluginpb.CodeGeneratorResponse_File {
	t.Helper()
	in, err := proto.Marshal(request)
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command("go", "tool", tool)
	cmd.Stdin = bytes.NewReader(in)
	cmd.Stderr = os.Stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("go tool %s: %v", tool, err)
	}
	var response pluginpb.CodeGeneratorResponse
	if err := proto.Unmarshal(out, &response); err != nil {
		t.Fatal(err)
	}
	if response.Error != nil {
		t.Fatalf("%s: %s", tool, response.GetError())
	}
	if len(response.File) == 0 {
		t.Fatalf("%s made no file", tool)
	}
	return response.File
}
