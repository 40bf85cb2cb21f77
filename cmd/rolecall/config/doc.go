// Package config reads Rolecall's configuration: one strict YAML file in which every mistake is named with its place, all
// of them at once. A part that belongs to somebody else, a connector's settings for one, stays a Section that its owner
// decodes.
package config
