// Starts the API reference. Nothing in it may call another server: no request proxy, fonts, telemetry, assistant or
// hosted client, and no addresses of Scalar's own services.
"use strict";
const place = document.getElementById("reference");
Scalar.createApiReference(place, {
  url: place.dataset.openapi,
  proxyUrl: "",
  withDefaultFonts: false,
  telemetry: false,
  agent: { disabled: true },
  mcp: { disabled: true },
  externalUrls: { dashboardUrl: "", registryUrl: "", proxyUrl: "", apiBaseUrl: "" },
  hideClientButton: true,
  showDeveloperTools: "never",
  persistAuth: false,
  documentDownloadType: "direct",
  defaultHttpClient: { targetKey: "shell", clientKey: "curl" },
  localization: { locale: place.dataset.language === "zh-Hans" ? "zh-CN" : "en" },
});
