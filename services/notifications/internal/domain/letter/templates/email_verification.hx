---
format: hx-template/1
subject: Verify your email at {{ project.displayName }}
category: Transactional
variables:
  emailVerificationLink: string
preview:
  emailVerificationLink: https://example.com/verify?code=preview
---
<h1 style="margin:0 0 20px;font-size:24px;font-weight:700;line-height:32px">Verify your email address</h1>
{{#if user.displayName}}<p style="margin:0 0 16px;font-size:16px;line-height:26px">Hi {{ user.displayName }},</p>{{/if}}
<p style="margin:0 0 16px;font-size:16px;line-height:26px">Please confirm that this address is yours, so that {{ project.displayName }} can reach you and your account stays in your hands.</p>
<table role="presentation" cellpadding="0" cellspacing="0" border="0" style="margin:28px 0;border-collapse:separate">
<tr><td style="border-radius:10px;background-color:#5146d8">
<a href="{{ variables.emailVerificationLink }}" style="display:inline-block;padding:14px 26px;border:1px solid #5146d8;border-radius:10px;background-color:#5146d8;color:#ffffff;font-size:16px;font-weight:600;line-height:20px;text-decoration:none">Verify email</a>
</td></tr>
</table>
<p style="margin:0;font-size:14px;line-height:22px;opacity:0.75">You did not ask for this? Then there is nothing to do: without you, the address stays unverified.</p>
