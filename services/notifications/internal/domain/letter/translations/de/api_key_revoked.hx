---
format: hx-template/1
subject: API-Schlüssel gesperrt: {{ variables.description }}
category: Transactional
variables:
  description: string
  lastFour: string
preview:
  description: Build server
  lastFour: 3f9a
---
<h1 style="margin:0 0 20px;font-size:24px;font-weight:700;line-height:32px">Ein API-Schlüssel wurde gesperrt</h1>
{{#if user.displayName}}<p style="margin:0 0 16px;font-size:16px;line-height:26px">Hallo {{ user.displayName }},</p>{{/if}}
<p style="margin:0 0 16px;font-size:16px;line-height:26px">Ein API-Schlüssel für {{ project.displayName }} wurde an einer Stelle gefunden, die andere lesen können. Er wurde sofort gesperrt und funktioniert nicht mehr.</p>
<p style="margin:0 0 16px;font-size:16px;line-height:26px">Beschreibung: <strong>{{ variables.description }}</strong><br>Letzte Zeichen: <strong>{{ variables.lastFour }}</strong></p>
<p style="margin:0;font-size:16px;line-height:26px">Lege für das Programm, das ihn benutzt hat, einen neuen Schlüssel an und halte ihn aus Repositories und Nachrichten heraus.</p>
