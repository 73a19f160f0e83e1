---
format: hx-template/1
subject: You have been invited to join {{ variables.teamDisplayName }}
category: Transactional
variables:
  teamDisplayName: string
  teamInvitationLink: string
preview:
  teamDisplayName: Analytical Engines
  teamInvitationLink: https://example.com/join?code=preview
---
<h1 style="margin:0 0 20px;font-size:24px;font-weight:700;line-height:32px">Join {{ variables.teamDisplayName }}</h1>
{{#if user.displayName}}<p style="margin:0 0 16px;font-size:16px;line-height:26px">Hi {{ user.displayName }},</p>{{/if}}
<p style="margin:0 0 16px;font-size:16px;line-height:26px">You have been invited to join the team <strong>{{ variables.teamDisplayName }}</strong> at {{ project.displayName }}.</p>
<table role="presentation" cellpadding="0" cellspacing="0" border="0" style="margin:28px 0;border-collapse:separate">
<tr><td style="border-radius:10px;background-color:#5146d8">
<a href="{{ variables.teamInvitationLink }}" style="display:inline-block;padding:14px 26px;border:1px solid #5146d8;border-radius:10px;background-color:#5146d8;color:#ffffff;font-size:16px;font-weight:600;line-height:20px;text-decoration:none">Join the team</a>
</td></tr>
</table>
<p style="margin:0;font-size:14px;line-height:22px;opacity:0.75">You do not know this team? Then ignore this mail and nothing happens.</p>
