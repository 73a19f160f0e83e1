---
format: hx-template/1
subject: A sample mail
category: Marketing
---
<h1 style="margin:0 0 20px;font-size:24px;font-weight:700;line-height:32px">Hello {{ user.displayName }},</h1>
<p style="margin:0;font-size:16px;line-height:26px">this is what mails look like in this theme.</p>
