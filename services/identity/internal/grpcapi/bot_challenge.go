package grpcapi

import "vestibule.dev/services/identity/internal/app"

// botChallengeRequest is a request with the parameters of a bot challenge
// (auth.md §4.4).
type botChallengeRequest interface {
	GetBotChallengeToken() string
	GetBotChallengePhase() string
	GetBotChallengeUnavailable() string
}

func botChallenge(req botChallengeRequest) app.BotChallenge {
	return app.BotChallenge{
		Token:       req.GetBotChallengeToken(),
		Phase:       app.BotChallengePhase(req.GetBotChallengePhase()),
		Unavailable: req.GetBotChallengeUnavailable() != "",
	}
}
