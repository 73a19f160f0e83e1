---
format: hx-template/1
---
<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="dark">
<meta name="supported-color-schemes" content="dark">
<title>{{ project.displayName }}</title>
<style>
:root { color-scheme: dark; }
body { margin: 0; padding: 0; width: 100%; -webkit-text-size-adjust: 100%; }
@media (max-width: 480px) {
  .page { padding: 16px 10px !important; }
  .card { padding: 28px 22px !important; }
}
</style>
</head>
<body class="backdrop" style="margin:0;padding:0;background-color:#323232">
<table role="presentation" class="backdrop" width="100%" cellpadding="0" cellspacing="0" border="0" style="background-color:#323232">
<tr><td class="page" align="center" style="padding:40px 16px">
<table role="presentation" width="100%" cellpadding="0" cellspacing="0" border="0" style="max-width:600px;margin:0 auto">
{{#if projectLogos.logoFullDarkModeUrl}}
<tr><td align="center" style="padding:0 0 28px"><img src="{{ projectLogos.logoFullDarkModeUrl }}" alt="{{ project.displayName }}" height="40" style="height:40px;width:auto;max-width:100%;border:0;font-family:-apple-system,BlinkMacSystemFont,'Segoe UI',Roboto,'Helvetica Neue',Arial,sans-serif;font-size:20px;font-weight:700"></td></tr>
{{else}}{{#if projectLogos.logoDarkModeUrl}}
<tr><td align="center" style="padding:0 0 28px"><img src="{{ projectLogos.logoDarkModeUrl }}" alt="{{ project.displayName }}" height="48" style="height:48px;width:auto;max-width:100%;border:0;font-family:-apple-system,BlinkMacSystemFont,'Segoe UI',Roboto,'Helvetica Neue',Arial,sans-serif;font-size:20px;font-weight:700"></td></tr>
{{else}}{{#if projectLogos.logoFullUrl}}
<tr><td align="center" style="padding:0 0 28px"><img src="{{ projectLogos.logoFullUrl }}" alt="{{ project.displayName }}" height="40" style="height:40px;width:auto;max-width:100%;border:0;font-family:-apple-system,BlinkMacSystemFont,'Segoe UI',Roboto,'Helvetica Neue',Arial,sans-serif;font-size:20px;font-weight:700"></td></tr>
{{else}}{{#if projectLogos.logoUrl}}
<tr><td align="center" style="padding:0 0 28px"><img src="{{ projectLogos.logoUrl }}" alt="{{ project.displayName }}" height="48" style="height:48px;width:auto;max-width:100%;border:0;font-family:-apple-system,BlinkMacSystemFont,'Segoe UI',Roboto,'Helvetica Neue',Arial,sans-serif;font-size:20px;font-weight:700"></td></tr>
{{/if}}{{/if}}{{/if}}{{/if}}
<tr><td class="card" align="left" style="padding:45px;border-radius:14px;background-color:#000000;color:#ffffff;font-family:-apple-system,BlinkMacSystemFont,'Segoe UI',Roboto,'Helvetica Neue',Arial,sans-serif;font-size:16px;line-height:26px;overflow-wrap:anywhere">
{{ children }}
</td></tr>
{{#if unsubscribeLink}}<tr><td align="center" style="padding:24px 16px 0;font-family:-apple-system,BlinkMacSystemFont,'Segoe UI',Roboto,'Helvetica Neue',Arial,sans-serif;font-size:13px;line-height:20px">
<a class="muted" href="{{ unsubscribeLink }}" style="color:#c9c9d1;text-decoration:underline">Unsubscribe from these mails</a>
</td></tr>{{/if}}
</table>
</td></tr>
</table>
</body>
</html>
