{{- /* Labels that select the pods of one process: (dict "root" $ "name" "identity"). */ -}}
{{- define "vestibule.selector" -}}
app.kubernetes.io/name: vestibule
app.kubernetes.io/instance: {{ .root.Release.Name }}
app.kubernetes.io/component: {{ .name }}
{{- end -}}

{{- define "vestibule.labels" -}}
{{ include "vestibule.selector" . }}
app.kubernetes.io/version: {{ .root.Values.image.tag | default .root.Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .root.Release.Service }}
helm.sh/chart: {{ printf "%s-%s" .root.Chart.Name .root.Chart.Version }}
{{- end -}}

{{- /* The name of a process's objects, which is also its job in Prometheus. */ -}}
{{- define "vestibule.name" -}}
vestibule-{{ .name }}
{{- end -}}

{{- define "vestibule.image" -}}
{{ .root.Values.image.registry }}/{{ .name }}:{{ .root.Values.image.tag | default .root.Chart.AppVersion }}
{{- end -}}

{{- define "vestibule.podSecurity" -}}
runAsNonRoot: true
runAsUser: 65532
runAsGroup: 65532
fsGroup: 65532
seccompProfile: {type: RuntimeDefault}
{{- end -}}

{{- define "vestibule.containerSecurity" -}}
allowPrivilegeEscalation: false
readOnlyRootFilesystem: true
capabilities: {drop: [ALL]}
{{- end -}}

{{- /* Environment of all processes that serve. */ -}}
{{- define "vestibule.commonEnv" -}}
{{- $prefix := upper .name -}}
{{- $root := .root -}}
- {name: {{ $prefix }}_PUBLIC_URL, value: {{ $root.Values.publicURL | quote }}}
- {name: {{ $prefix }}_OPS_ADDR, value: ":9090"}
- {name: {{ $prefix }}_NATS_URL, value: {{ $root.Values.nats.url | quote }}}
- {name: {{ $prefix }}_LOG_LEVEL, value: {{ $root.Values.logLevel | quote }}}
{{- with $root.Values.otlpEndpoint }}
- {name: {{ $prefix }}_OTLP_ENDPOINT, value: {{ . | quote }}}
{{- end }}
{{- range $other := keys $root.Values.services | sortAlpha }}
- {name: {{ $prefix }}_{{ upper $other }}_ADDR, value: "dns:///{{ include "vestibule.name" (dict "name" $other) }}.{{ $root.Release.Namespace }}.svc:9000"}
{{- end }}
{{- if $root.Values.tls.enabled }}
- {name: {{ $prefix }}_TLS_CERT_FILE, value: /tls/tls.crt}
- {name: {{ $prefix }}_TLS_KEY_FILE, value: /tls/tls.key}
- {name: {{ $prefix }}_TLS_CA_FILE, value: /tls/ca.crt}
- {name: {{ $prefix }}_TLS_TRUST_DOMAIN, value: {{ $root.Values.tls.trustDomain | quote }}}
{{- with $root.Values.tls.callers }}
{{- $pairs := list }}
{{- range $caller, $id := . }}{{ $pairs = append $pairs (printf "%s=%s" $caller $id) }}{{ end }}
- {name: {{ $prefix }}_TLS_CALLERS, value: {{ join "," $pairs | quote }}}
{{- end }}
{{- else }}
- {name: {{ $prefix }}_SERVICE_KEY_FILE, value: /secrets/shared/service-key}
{{- end }}
{{- end -}}

{{- /* Environment of services. */ -}}
{{- define "vestibule.serviceEnv" -}}
{{- $prefix := upper .name -}}
{{- $root := .root -}}
- {name: {{ $prefix }}_GRPC_ADDR, value: ":9000"}
- {name: {{ $prefix }}_NATS_REPLICAS, value: {{ $root.Values.nats.replicas | quote }}}
{{ include "vestibule.secretEnv" . }}
- {name: {{ $prefix }}_CREDENTIAL_PUBLIC_KEYS_FILE, value: /secrets/shared/credential-public-keys}
{{- if eq .name "notifications" }}
- {name: {{ $prefix }}_SMTP_URL_FILE, value: /secrets/own/smtp-url}
{{- end }}
{{- if $root.Values.tls.enabled }}
{{- with $root.Values.tls.backends }}
{{- $pairs := list }}
{{- range $backend, $scopes := . }}{{ $pairs = append $pairs (printf "%s=%s" $backend $scopes) }}{{ end }}
- {name: {{ $prefix }}_BACKENDS, value: {{ join "," $pairs | quote }}}
{{- end }}
{{- end }}
{{- end -}}

{{- /* What every command of a service but migrate has to know. */ -}}
{{- define "vestibule.secretEnv" -}}
{{- $prefix := upper .name -}}
- {name: {{ $prefix }}_POSTGRES_URL_FILE, value: /secrets/own/postgres-url}
- {name: {{ $prefix }}_PRINCIPAL_PUBLIC_KEYS_FILE, value: /secrets/shared/principal-public-keys}
- {name: {{ $prefix }}_ENCRYPTION_KEYS_FILE, value: /secrets/own/encryption-keys}
- {name: {{ $prefix }}_CODE_KEY_FILE, value: /secrets/own/code-key}
{{- end -}}

{{- define "vestibule.volumes" -}}
- name: shared
  secret: {secretName: {{ .root.Values.secrets.shared }}, defaultMode: 0440}
- name: own
  secret: {secretName: {{ .own }}, defaultMode: 0440}
{{- if .root.Values.tls.enabled }}
- name: tls
  secret: {secretName: {{ .root.Values.tls.secretPrefix }}{{ .name }}, defaultMode: 0440}
{{- end }}
{{- end -}}

{{- define "vestibule.mounts" -}}
- {name: shared, mountPath: /secrets/shared, readOnly: true}
- {name: own, mountPath: /secrets/own, readOnly: true}
{{- if .root.Values.tls.enabled }}
- {name: tls, mountPath: /tls, readOnly: true}
{{- end }}
{{- end -}}

{{- define "vestibule.placement" -}}
{{- with .root.Values.image.pullSecrets }}
imagePullSecrets: {{ toYaml . | nindent 2 }}
{{- end }}
{{- with .root.Values.priorityClassName }}
priorityClassName: {{ . }}
{{- end }}
{{- with .root.Values.nodeSelector }}
nodeSelector: {{ toYaml . | nindent 2 }}
{{- end }}
{{- with .root.Values.tolerations }}
tolerations: {{ toYaml . | nindent 2 }}
{{- end }}
{{- end -}}
