// Package hxtemplate promises that a mail template renders within fixed limits
// and puts no value anywhere a mail client could mistake for markup.
//
// It is our own small language (notifications.md §4.5). Templates are written
// by the people who run a project, so nothing in them is executed: a template
// can print values, choose by them and repeat over them, and that is all.
//
//	---
//	format: hx-template/1
//	subject: Your code is {{ variables.otp }}
//	category: Transactional
//	variables:
//	  otp: string
//	  link: string?
//	preview:
//	  otp: ABC123
//	---
//	<p>{{ variables.otp }}</p>
//	{{#if variables.link}}<a href="{{ variables.link }}">Sign in</a>{{/if}}
//	--- text
//	Your code: {{ variables.otp }}
//
// Everything that can be wrong with a template as such is found by [Parse];
// [Template.Render] fails only for values that do not fit and for limits.
package hxtemplate
