---
format: hx-template/1
subject: Bestätige deine E-Mail-Adresse bei {{ project.displayName }}
category: Transactional
variables:
  emailVerificationLink: string
preview:
  emailVerificationLink: https://example.com/verify?code=preview
---
<h1 style="margin:0 0 20px;font-size:24px;font-weight:700;line-height:32px">Bestätige deine E-Mail-Adresse</h1>
{{#if user.displayName}}<p style="margin:0 0 16px;font-size:16px;line-height:26px">Hallo {{ user.displayName }},</p>{{/if}}
<p style="margin:0 0 16px;font-size:16px;line-height:26px">Bitte bestätige, dass diese Adresse dir gehört, damit {{ project.displayName }} dich erreicht und dein Konto in deinen Händen bleibt.</p>
<table role="presentation" cellpadding="0" cellspacing="0" border="0" style="margin:28px 0;border-collapse:separate">
<tr><td style="border-radius:10px;background-color:#5146d8">
<a href="{{ variables.emailVerificationLink }}" style="display:inline-block;padding:14px 26px;border:1px solid #5146d8;border-radius:10px;background-color:#5146d8;color:#ffffff;font-size:16px;font-weight:600;line-height:20px;text-decoration:none">E-Mail-Adresse bestätigen</a>
</td></tr>
</table>
<p style="margin:0;font-size:14px;line-height:22px;opacity:0.75">Du hast nicht darum gebeten? Dann musst du nichts tun: Ohne dich bleibt die Adresse unbestätigt.</p>
