---
format: hx-template/1
subject: Bei {{ project.displayName }} anmelden: Dein Code ist {{ variables.otp }}
category: Transactional
variables:
  magicLink: string
  otp: string
preview:
  magicLink: https://example.com/sign-in?code=preview
  otp: ABC123
---
<h1 style="margin:0 0 20px;font-size:24px;font-weight:700;line-height:32px">Bei {{ project.displayName }} anmelden</h1>
{{#if user.displayName}}<p style="margin:0 0 16px;font-size:16px;line-height:26px">Hallo {{ user.displayName }},</p>{{/if}}
<p style="margin:0 0 16px;font-size:16px;line-height:26px">Gib diesen Code dort ein, wo du die Anmeldung begonnen hast:</p>
<table role="presentation" width="100%" cellpadding="0" cellspacing="0" border="0" style="margin:24px 0">
<tr><td align="center" style="padding:20px 12px;border:1px solid #b9b6c9;border-color:rgba(128,128,140,0.35);border-radius:10px">
<p style="margin:0;font-family:ui-monospace,SFMono-Regular,Menlo,Consolas,monospace;font-size:34px;font-weight:700;letter-spacing:6px;line-height:42px">{{ variables.otp }}</p>
</td></tr>
</table>
<p style="margin:0 0 16px;font-size:16px;line-height:26px">Oder öffne diesen Link auf demselben Gerät:</p>
<table role="presentation" cellpadding="0" cellspacing="0" border="0" style="margin:28px 0;border-collapse:separate">
<tr><td style="border-radius:10px;background-color:#5146d8">
<a href="{{ variables.magicLink }}" style="display:inline-block;padding:14px 26px;border:1px solid #5146d8;border-radius:10px;background-color:#5146d8;color:#ffffff;font-size:16px;font-weight:600;line-height:20px;text-decoration:none">Anmelden</a>
</td></tr>
</table>
<p style="margin:0;font-size:14px;line-height:22px;opacity:0.75">Du wolltest dich nicht anmelden? Ignoriere diese Mail und zeige den Code niemandem: Wer dich danach fragt, gehört nicht zu uns.</p>
