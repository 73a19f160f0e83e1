---
format: hx-template/1
subject: You have been invited to sign in at {{ project.displayName }}
category: Transactional
variables:
  signInInvitationLink: string
  teamDisplayName: string
preview:
  signInInvitationLink: https://example.com/sign-in
  teamDisplayName: Analytical Engines
---
<h1 style="margin:0 0 20px;font-size:24px;font-weight:700;line-height:32px">Welcome to {{ project.displayName }}</h1>
{{#if user.displayName}}<p style="margin:0 0 16px;font-size:16px;line-height:26px">Hi {{ user.displayName }},</p>{{/if}}
<p style="margin:0 0 16px;font-size:16px;line-height:26px"><strong>{{ variables.teamDisplayName }}</strong> has invited you. Sign in to begin.</p>
<table role="presentation" cellpadding="0" cellspacing="0" border="0" style="margin:28px 0;border-collapse:separate">
<tr><td style="border-radius:10px;background-color:#5146d8">
<a href="{{ variables.signInInvitationLink }}" style="display:inline-block;padding:14px 26px;border:1px solid #5146d8;border-radius:10px;background-color:#5146d8;color:#ffffff;font-size:16px;font-weight:600;line-height:20px;text-decoration:none">Sign in</a>
</td></tr>
</table>
<p style="margin:0;font-size:14px;line-height:22px;opacity:0.75">You did not expect this? Then ignore this mail and nothing happens.</p>
