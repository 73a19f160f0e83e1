---
format: hx-template/1
subject: Reset your password at {{ project.displayName }}
category: Transactional
variables:
  passwordResetLink: string
preview:
  passwordResetLink: https://example.com/reset?code=preview
---
<h1 style="margin:0 0 20px;font-size:24px;font-weight:700;line-height:32px">Choose a new password</h1>
{{#if user.displayName}}<p style="margin:0 0 16px;font-size:16px;line-height:26px">Hi {{ user.displayName }},</p>{{/if}}
<p style="margin:0 0 16px;font-size:16px;line-height:26px">Someone, hopefully you, asked to reset the password of your account at {{ project.displayName }}.</p>
<table role="presentation" cellpadding="0" cellspacing="0" border="0" style="margin:28px 0;border-collapse:separate">
<tr><td style="border-radius:10px;background-color:#5146d8">
<a href="{{ variables.passwordResetLink }}" style="display:inline-block;padding:14px 26px;border:1px solid #5146d8;border-radius:10px;background-color:#5146d8;color:#ffffff;font-size:16px;font-weight:600;line-height:20px;text-decoration:none">Reset password</a>
</td></tr>
</table>
<p style="margin:0;font-size:14px;line-height:22px;opacity:0.75">It was not you? Your password is unchanged, and you can safely ignore this mail. Never pass the link on: whoever has it can enter your account.</p>
