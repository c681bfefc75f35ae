package record

// Settings are those of config.toml that a vault was unlocked with last. Times are in
// seconds; zero is what the setting means by it, for ever or never.
type Settings struct {
	Synced     bool   `json:"synced"`
	KeepAge    int64  `json:"keep_age"`
	KeepBytes  int64  `json:"keep_bytes"`
	Anchor     string `json:"anchor"`
	IdleLock   int64  `json:"idle_lock"`
	MaxUnlock  int64  `json:"max_unlock"`
	SignGroup  string `json:"sign_group"`
	AdminGroup string `json:"admin_group"`
}

// Laxer names the settings of now that guard less than those of s did, as config.toml
// spells them.
func (s Settings) Laxer(now Settings) (names []string) {
	for _, setting := range []struct {
		name  string
		laxer bool
	}{
		{"durability", s.Synced && !now.Synced},
		{"audit_keep", shorter(s.KeepAge, now.KeepAge) || shorter(s.KeepBytes, now.KeepBytes)},
		{"anchor", s.Anchor != "" && now.Anchor != s.Anchor},
		{"idle_lock", longer(s.IdleLock, now.IdleLock)},
		{"max_unlock", longer(s.MaxUnlock, now.MaxUnlock)},
		{"sign_group", now.SignGroup != "" && now.SignGroup != s.SignGroup},
		{"admin_group", now.AdminGroup != "" && now.AdminGroup != s.AdminGroup},
	} {
		if setting.laxer {
			names = append(names, setting.name)
		}
	}
	return names
}

// shorter compares what is kept; zero is for ever.
func shorter(was, now int64) bool { return now != 0 && (was == 0 || now < was) }

// longer compares after what time a vault locks; zero is never.
func longer(was, now int64) bool { return was != 0 && (now == 0 || now > was) }
