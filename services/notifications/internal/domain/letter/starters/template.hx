---
format: hx-template/1
subject: News from {{ project.displayName }}
category: Transactional
variables:
  message: string?
preview:
  message: Your message goes here.
---
<h1 style="margin:0 0 20px;font-size:24px;font-weight:700;line-height:32px">Hello{{#if user.displayName}} {{ user.displayName }}{{/if}},</h1>
<p style="margin:0;font-size:16px;line-height:26px">{{#if variables.message}}{{ variables.message }}{{else}}There is something new at {{ project.displayName }}.{{/if}}</p>
