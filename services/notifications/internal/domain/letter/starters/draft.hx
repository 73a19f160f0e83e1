---
format: hx-template/1
subject: News from {{ project.displayName }}
category: Marketing
---
<h1 style="margin:0 0 20px;font-size:24px;font-weight:700;line-height:32px">Hello{{#if user.displayName}} {{ user.displayName }}{{/if}},</h1>
<p style="margin:0;font-size:16px;line-height:26px">Write here what you want to tell.</p>
