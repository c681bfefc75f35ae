package policy

import (
	"strings"
	"time"
)

// hours are a daily span of some days of the week in a time zone.
type hours struct {
	days     [7]bool // by time.Weekday: the day on which the span begins
	from, to int     // minutes of the day; to is excluded, and at or below from it is the next day's
	zone     *time.Location
}

// dayNames in the order of a week as it is written.
var dayNames = [...]string{"Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"}

// parseHours reads "Mon-Fri 08:00-18:00 Europe/London": days as a range or a list
// with commas, a span that may pass midnight, and an IANA time zone.
func parseHours(text string) (*hours, error) {
	const example = `must look like "Mon-Fri 08:00-18:00 Europe/London"`
	parts := strings.Split(text, " ")
	if len(parts) != 3 {
		return nil, specError("hours", example)
	}
	h := &hours{}
	for item := range strings.SplitSeq(parts[0], ",") {
		if !h.addDays(item) {
			return nil, specError("hours", "%s is not a day such as Mon, or a range such as Mon-Fri", quoteBrief(item))
		}
	}
	from, to, ok := strings.Cut(parts[1], "-")
	var ok1, ok2 bool
	h.from, ok1 = clockTime(from)
	h.to, ok2 = clockTime(to)
	if !ok || !ok1 || !ok2 || h.from == 24*60 || h.from == h.to {
		return nil, specError("hours", "%s is not a span such as 08:00-18:00", quoteBrief(parts[1]))
	}
	zone, err := time.LoadLocation(parts[2])
	if err != nil || parts[2] == "" || parts[2] == "Local" {
		return nil, specError("hours", "%s is not a time zone such as Europe/London or UTC", quoteBrief(parts[2]))
	}
	h.zone = zone
	return h, nil
}

func (h *hours) addDays(item string) bool {
	first, last, isRange := strings.Cut(item, "-")
	if !isRange {
		last = first
	}
	from, to := dayIndex(first), dayIndex(last)
	if from < 0 || to < 0 {
		return false
	}
	for i := from; ; i = (i + 1) % 7 {
		h.days[(i+1)%7] = true // time.Weekday begins with Sunday
		if i == to {
			return true
		}
	}
}

func dayIndex(name string) int {
	for i, known := range dayNames {
		if name == known {
			return i
		}
	}
	return -1
}

// clockTime reads 00:00 to 24:00.
func clockTime(s string) (minutes int, ok bool) {
	if len(s) != 5 || s[2] != ':' {
		return 0, false
	}
	for _, i := range [...]int{0, 1, 3, 4} {
		if s[i] < '0' || s[i] > '9' {
			return 0, false
		}
	}
	hour, minute := int(s[0]-'0')*10+int(s[1]-'0'), int(s[3]-'0')*10+int(s[4]-'0')
	return hour*60 + minute, minute < 60 && (hour < 24 || hour == 24 && minute == 0)
}

// include says whether t is within the hours.
func (h *hours) include(t time.Time) bool {
	t = t.In(h.zone)
	hour, minute, _ := t.Clock()
	now, today := hour*60+minute, t.Weekday()
	if h.from < h.to {
		return h.days[today] && now >= h.from && now < h.to
	}
	yesterday := (today + 6) % 7
	return h.days[today] && now >= h.from || h.days[yesterday] && now < h.to
}
