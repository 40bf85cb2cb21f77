package engine

import (
	"fmt"
	"maps"
	"slices"
	"unicode/utf8"
)

// mostValue is the longest value, in bytes, that an account is given: plans, journals and pages have each of them.
const mostValue = 4096

// tooLong says why a value is not given.
func tooLong(name, value string) string {
	return fmt.Sprintf("%s would be %d bytes long, and no value is given that is longer than %d: shorten it in the directory's entry or in the configuration", name, len(value), mostValue)
}

// tooLongIn names the first value of an account that is too long, "" if none is.
func tooLongIn(name string, attributes map[string]string) string {
	if len(name) > mostValue {
		return tooLong("the name of the account", name)
	}
	for _, attribute := range slices.Sorted(maps.Keys(attributes)) {
		if value := attributes[attribute]; len(value) > mostValue {
			return tooLong(attribute, value)
		}
	}
	return ""
}

// keptName is a name that stays as it is, as far as a plan needs to repeat it. What is no text would be another name once it was recorded.
func keptName(name string) string {
	if len(name) > mostValue || !utf8.ValidString(name) {
		return ""
	}
	return name
}

// shortened is a text of a program as pages show it.
func shortened(text string) string {
	if len(text) <= mostValue {
		return text
	}
	end := mostValue
	for end > 0 && !utf8.RuneStart(text[end]) {
		end--
	}
	return text[:end] + "…"
}
