package campaign_test

const floodEnv = "X"

func flood() {}
