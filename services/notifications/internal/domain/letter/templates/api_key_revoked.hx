---
format: hx-template/1
subject: API Key Revoked: {{ variables.description }}
category: Transactional
variables:
  description: string
  lastFour: string
preview:
  description: Build server
  lastFour: 3f9a
---
<h1 style="margin:0 0 20px;font-size:24px;font-weight:700;line-height:32px">An API key was revoked</h1>
{{#if user.displayName}}<p style="margin:0 0 16px;font-size:16px;line-height:26px">Hi {{ user.displayName }},</p>{{/if}}
<p style="margin:0 0 16px;font-size:16px;line-height:26px">An API key for {{ project.displayName }} was found where others can read it. It was revoked at once and does not work any more.</p>
<p style="margin:0 0 16px;font-size:16px;line-height:26px">Description: <strong>{{ variables.description }}</strong><br>Last characters: <strong>{{ variables.lastFour }}</strong></p>
<p style="margin:0;font-size:16px;line-height:26px">Make a new key for the program that used it, and see to it that the key is kept out of repositories and messages.</p>
