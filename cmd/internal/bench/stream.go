package bench

import (
	"context"
	"errors"
	"time"

	"google.golang.org/grpc"

	pb "bfxvault/proto/bfxvault/v1"
)

type signStream = grpc.BidiStreamingClient[pb.SignStreamRequest, pb.SignStreamResponse]

func openStream(ctx context.Context, t Target) (signStream, func(), error) {
	conn, err := t.Dial()
	if err != nil {
		return nil, nil, err
	}
	s, err := pb.NewSignerServiceClient(conn).SignStream(ctx)
	if err != nil {
		conn.Close()
		return nil, nil, err
	}
	return s, func() { conn.Close() }, nil
}

func requestOf(t Target, id uint64) *pb.SignStreamRequest {
	return &pb.SignStreamRequest{Id: id, Request: &pb.SignStreamRequest_Rest{Rest: t.Request}}
}

// receive takes one answer and refuses one that is not a signature.
func receive(s signStream) (uint64, error) {
	response, err := s.Recv()
	if err != nil {
		return 0, err
	}
	if response.GetRest() == nil {
		return 0, errors.New("bench: " + response.GetError().GetMessage())
	}
	return response.GetId(), nil
}

// stream asks one at a time.
func stream(ctx context.Context, t Target) (func(func(time.Duration)) error, func(), error) {
	s, end, err := openStream(ctx, t)
	if err != nil {
		return nil, nil, err
	}
	request := requestOf(t, 0)
	call := func() error {
		if err := s.Send(request); err != nil {
			return err
		}
		_, err := receive(s)
		return err
	}
	return loopOf(ctx, call), end, call()
}

// pipelined keeps a number of requests in flight: each answer makes room for the
// next request.
func pipelined(ctx context.Context, t Target) (func(func(time.Duration)) error, func(), error) {
	s, end, err := openStream(ctx, t)
	if err != nil {
		return nil, nil, err
	}
	return func(report func(time.Duration)) error {
		var sent [inFlight]time.Time
		room := make(chan uint64, inFlight)
		for id := range uint64(inFlight) {
			room <- id
		}
		go func() {
			for {
				select {
				case id := <-room:
					sent[id] = time.Now()
					if s.Send(requestOf(t, id)) != nil {
						return
					}
				case <-ctx.Done():
					return
				}
			}
		}()
		for {
			id, err := receive(s)
			if err != nil {
				if ctx.Err() != nil {
					return nil
				}
				return err
			}
			report(time.Since(sent[id]))
			room <- id
		}
	}, end, nil
}
