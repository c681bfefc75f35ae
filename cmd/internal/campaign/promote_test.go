package campaign_test

import (
	"testing"

	pb "bfxvault/proto/bfxvault/v1"
	"bfxvault/vault"
)

// stage rotates an API key, and ends with its second version staged.
func (a *admin) stage(label, secret string) error {
	r := vault.RotateKey{Label: label, APIKey: idOf(label) + "-2"}
	box, err := a.seal(r.Purpose(), []byte(secret))
	if err != nil {
		return err
	}
	r.Secret = box
	proof, err := a.prove(r.Operation())
	if err != nil {
		return err
	}
	_, err = a.RotateKey(a.ctx, &pb.RotateKeyRequest{Label: r.Label, ApiKey: r.APIKey, Secret: wire(box), Proof: proof})
	return err
}

// promote promotes the version that is staged.
func (a *admin) promote(label string) error { return a.promoteVersion(label, 0) }

func (a *admin) promoteVersion(label string, version uint32) error {
	r := vault.PromoteKey{Label: label, Version: version, Grace: 60}
	proof, err := a.prove(r.Operation())
	if err != nil {
		return err
	}
	_, err = a.PromoteKey(a.ctx, &pb.PromoteKeyRequest{Label: r.Label, Version: r.Version, Grace: r.Grace, Proof: proof})
	return err
}

// versions are those of an API key.
func (a *admin) versions(t testing.TB, label string) []*pb.KeyVersion {
	t.Helper()
	shown, err := a.ShowKey(a.ctx, &pb.ShowKeyRequest{Label: label})
	must(t, err)
	return shown.GetKey().GetVersions()
}

// purge removes the versions that have ended.
func (a *admin) purge(label string) error {
	proof, err := a.prove(vault.PurgeKey{Label: label}.Operation())
	if err != nil {
		return err
	}
	_, err = a.PurgeKey(a.ctx, &pb.PurgeKeyRequest{Label: label, Proof: proof})
	return err
}

// staging gives an API key a second version: it is there and can be promoted, or can be
// staged again. The first one signs either way.
func staging() doing {
	stage := func(a *admin) error { return a.stage("main", secretOf("main")) }
	return doing{"key rotate", nil, afterUnlock(func(r *rig) error { return stage(r.admin()) }), func(r *rig) bool {
		a := r.admin()
		must(r.t, a.unlock())
		versions := a.versions(r.t, "main")
		made := len(versions) == 2
		if versions[0].GetState() != "active" || made && versions[1].GetState() != "staged" {
			r.t.Fatalf("neither the old state nor the new one: %v", versions)
		}
		_, err := r.bot().sign("main")
		must(r.t, err)
		if !made {
			must(r.t, stage(a))
		}
		must(r.t, a.promote("main"))
		return made
	}}
}

// purging removes a version that was revoked: it is gone, with its secret, or can be
// promoted still.
func purging() doing {
	return doing{"key purge", func(r *rig) {
		r.start()
		r.fill("main")
		a := r.admin()
		must(r.t, a.stage("main", secretOf("main")))
		_, err := a.RevokeKey(a.ctx, &pb.RevokeKeyRequest{Label: "main", Version: 2})
		must(r.t, err)
		r.stop(r.t)
	}, afterUnlock(func(r *rig) error { return r.admin().purge("main") }), func(r *rig) bool {
		a := r.admin()
		must(r.t, a.unlock())
		versions := a.versions(r.t, "main")
		if len(versions) == 1 {
			return true
		}
		if len(versions) != 2 || versions[1].GetState() != "revoked" {
			r.t.Fatalf("neither the old state nor the new one: %v", versions)
		}
		must(r.t, a.promoteVersion("main", 2))
		return false
	}}
}

// promoting makes a staged version the active one: one of both is active, and only one.
func promoting() doing {
	return doing{"key promote", func(r *rig) {
		r.start()
		r.fill("main")
		must(r.t, r.admin().stage("main", secretOf("main")))
		r.stop(r.t)
	}, afterUnlock(func(r *rig) error { return r.admin().promote("main") }), func(r *rig) bool {
		a := r.admin()
		must(r.t, a.unlock())
		versions := a.versions(r.t, "main")
		if len(versions) != 2 {
			r.t.Fatalf("%v", versions)
		}
		switch states := versions[0].GetState() + " " + versions[1].GetState(); states {
		case "active staged":
			return false
		case "retiring active":
			return true
		default:
			r.t.Fatalf("neither the old state nor the new one: %s", states)
			return false
		}
	}}
}

// revoking ends an API key at once: it is active or revoked.
func revoking() doing {
	return doing{"key revoke", nil, afterUnlock(func(r *rig) error {
		a := r.admin()
		_, err := a.RevokeKey(a.ctx, &pb.RevokeKeyRequest{Label: "main"})
		return err
	}), func(r *rig) bool {
		a := r.admin()
		must(r.t, a.unlock())
		switch state := a.versions(r.t, "main")[0].GetState(); state {
		case "active":
			return false
		case "revoked":
			must(r.t, a.promoteVersion("main", 1)) // nothing of it is lost
			return true
		default:
			r.t.Fatalf("neither the old state nor the new one: %s", state)
			return false
		}
	}}
}
