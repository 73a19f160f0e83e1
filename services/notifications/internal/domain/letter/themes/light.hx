---
format: hx-template/1
---
<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<meta name="supported-color-schemes" content="light dark">
<title>{{ project.displayName }}</title>
<style>
:root { color-scheme: light dark; }
body { margin: 0; padding: 0; width: 100%; -webkit-text-size-adjust: 100%; }
@media (max-width: 480px) {
  .page { padding: 16px 10px !important; }
  .card { padding: 28px 22px !important; }
}
@media (prefers-color-scheme: dark) {
  .backdrop { background-color: #1b1b1f !important; }
  .card { background-color: #26262c !important; color: #f4f4f6 !important; border-color: #3a3a42 !important; border-top-color: #3a3a42 !important; }
  .muted { color: #b4b4bd !important; }
  .in-light { display: none !important; }
  .in-dark { display: inline-block !important; }
}
</style>
</head>
<body class="backdrop" style="margin:0;padding:0;background-color:#fafbfb">
<table role="presentation" class="backdrop" width="100%" cellpadding="0" cellspacing="0" border="0" style="background-color:#fafbfb">
<tr><td class="page" align="center" style="padding:40px 16px">
<table role="presentation" width="100%" cellpadding="0" cellspacing="0" border="0" style="max-width:600px;margin:0 auto">
{{#if projectLogos.logoFullUrl}}
<tr><td align="center" style="padding:0 0 28px">
{{#if projectLogos.logoFullDarkModeUrl}}
<img class="in-light" src="{{ projectLogos.logoFullUrl }}" alt="{{ project.displayName }}" height="40" style="height:40px;width:auto;max-width:100%;border:0;font-family:-apple-system,BlinkMacSystemFont,'Segoe UI',Roboto,'Helvetica Neue',Arial,sans-serif;font-size:20px;font-weight:700">
<span class="in-dark" style="display:none"><img src="{{ projectLogos.logoFullDarkModeUrl }}" alt="{{ project.displayName }}" height="40" style="height:40px;width:auto;max-width:100%;border:0;font-family:-apple-system,BlinkMacSystemFont,'Segoe UI',Roboto,'Helvetica Neue',Arial,sans-serif;font-size:20px;font-weight:700"></span>
{{else}}
<img src="{{ projectLogos.logoFullUrl }}" alt="{{ project.displayName }}" height="40" style="height:40px;width:auto;max-width:100%;border:0;font-family:-apple-system,BlinkMacSystemFont,'Segoe UI',Roboto,'Helvetica Neue',Arial,sans-serif;font-size:20px;font-weight:700">
{{/if}}
</td></tr>
{{else}}{{#if projectLogos.logoUrl}}
<tr><td align="center" style="padding:0 0 28px">
{{#if projectLogos.logoDarkModeUrl}}
<img class="in-light" src="{{ projectLogos.logoUrl }}" alt="{{ project.displayName }}" height="48" style="height:48px;width:auto;max-width:100%;border:0;font-family:-apple-system,BlinkMacSystemFont,'Segoe UI',Roboto,'Helvetica Neue',Arial,sans-serif;font-size:20px;font-weight:700">
<span class="in-dark" style="display:none"><img src="{{ projectLogos.logoDarkModeUrl }}" alt="{{ project.displayName }}" height="48" style="height:48px;width:auto;max-width:100%;border:0;font-family:-apple-system,BlinkMacSystemFont,'Segoe UI',Roboto,'Helvetica Neue',Arial,sans-serif;font-size:20px;font-weight:700"></span>
{{else}}
<img src="{{ projectLogos.logoUrl }}" alt="{{ project.displayName }}" height="48" style="height:48px;width:auto;max-width:100%;border:0;font-family:-apple-system,BlinkMacSystemFont,'Segoe UI',Roboto,'Helvetica Neue',Arial,sans-serif;font-size:20px;font-weight:700">
{{/if}}
</td></tr>
{{/if}}{{/if}}
<tr><td class="card" align="left" style="padding:45px;border:1px solid #e9eaec;border-radius:14px;background-color:#ffffff;color:#16161a;font-family:-apple-system,BlinkMacSystemFont,'Segoe UI',Roboto,'Helvetica Neue',Arial,sans-serif;font-size:16px;line-height:26px;overflow-wrap:anywhere">
{{ children }}
</td></tr>
{{#if unsubscribeLink}}<tr><td align="center" style="padding:24px 16px 0;font-family:-apple-system,BlinkMacSystemFont,'Segoe UI',Roboto,'Helvetica Neue',Arial,sans-serif;font-size:13px;line-height:20px">
<a class="muted" href="{{ unsubscribeLink }}" style="color:#5f6068;text-decoration:underline">Unsubscribe from these mails</a>
</td></tr>{{/if}}
</table>
</td></tr>
</table>
</body>
</html>
