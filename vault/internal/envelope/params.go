package envelope

// Bounds of the Argon2id parameters (DESIGN section 5). The floor is the second
// recommended choice of RFC 9106, section 4; the ceiling bounds what an edited
// slot can make unlocking cost (A46).
const (
	MinTime      = 3
	MaxTime      = 64
	MinMemoryKiB = 64 << 10
	MaxMemoryKiB = 2 << 20
	MinThreads   = 4
	MaxThreads   = 16
)

// Params are the Argon2id parameters of a slot that a human opens. The zero value
// is refused by [Params.Check] and stands in keyfile slots.
type Params struct {
	Time      uint32 // passes
	MemoryKiB uint32
	Threads   uint8 // lanes
}

// Check returns a *[ParamsError] for the first parameter below the floor or above
// the ceiling.
func (p Params) Check() error {
	for _, b := range []ParamsError{
		{Name: "time", Value: p.Time, Min: MinTime, Max: MaxTime},
		{Name: "memory", Value: p.MemoryKiB, Min: MinMemoryKiB, Max: MaxMemoryKiB},
		{Name: "threads", Value: uint32(p.Threads), Min: MinThreads, Max: MaxThreads},
	} {
		if b.Value < b.Min || b.Value > b.Max {
			return &b
		}
	}
	return nil
}
