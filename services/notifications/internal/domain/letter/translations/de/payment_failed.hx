---
format: hx-template/1
subject: Zahlung an {{ project.displayName }} fehlgeschlagen
category: Transactional
variables:
  productName: string
  amount: string
  invoiceUrl: string?
  failureReason: string?
preview:
  productName: Pro plan
  amount: $19.00
  invoiceUrl: https://example.com/invoice
  failureReason: Your card was declined.
---
<h1 style="margin:0 0 20px;font-size:24px;font-weight:700;line-height:32px">Deine Zahlung ist nicht durchgegangen</h1>
{{#if user.displayName}}<p style="margin:0 0 16px;font-size:16px;line-height:26px">Hallo {{ user.displayName }},</p>{{/if}}
<p style="margin:0 0 16px;font-size:16px;line-height:26px">Eine Zahlung an {{ project.displayName }} ist fehlgeschlagen. Bitte prüfe deine Zahlungsdaten, damit nichts unterbrochen wird.</p>
<table width="100%" cellpadding="0" cellspacing="0" border="0" style="margin:20px 0 0;border-collapse:collapse">
<tr><td style="padding:12px 0;white-space:nowrap;border-bottom:1px solid #b9b6c9;border-color:rgba(128,128,140,0.35);font-size:15px;line-height:22px">Produkt</td><td align="right" style="padding:12px 0 12px 16px;border-bottom:1px solid #b9b6c9;border-color:rgba(128,128,140,0.35);font-size:15px;font-weight:600;line-height:22px">{{ variables.productName }}</td></tr>
<tr><td style="padding:12px 0;white-space:nowrap;border-bottom:1px solid #b9b6c9;border-color:rgba(128,128,140,0.35);font-size:15px;line-height:22px">Betrag</td><td align="right" style="padding:12px 0 12px 16px;border-bottom:1px solid #b9b6c9;border-color:rgba(128,128,140,0.35);font-size:15px;font-weight:600;line-height:22px">{{ variables.amount }}</td></tr>
{{#if variables.failureReason}}
<tr><td style="padding:12px 0;white-space:nowrap;border-bottom:1px solid #b9b6c9;border-color:rgba(128,128,140,0.35);font-size:15px;line-height:22px">Grund</td><td align="right" style="padding:12px 0 12px 16px;border-bottom:1px solid #b9b6c9;border-color:rgba(128,128,140,0.35);font-size:15px;font-weight:600;line-height:22px">{{ variables.failureReason }}</td></tr>
{{/if}}
</table>
{{#if variables.invoiceUrl}}
<table role="presentation" cellpadding="0" cellspacing="0" border="0" style="margin:28px 0 0;border-collapse:separate">
<tr><td style="border-radius:10px;background-color:#5146d8">
<a href="{{ variables.invoiceUrl }}" style="display:inline-block;padding:14px 26px;border:1px solid #5146d8;border-radius:10px;background-color:#5146d8;color:#ffffff;font-size:16px;font-weight:600;line-height:20px;text-decoration:none">Rechnung bezahlen</a>
</td></tr>
</table>
{{/if}}
