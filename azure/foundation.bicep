// What has to be there before the first image is pushed and the first secret made: identity, registry, vault, logs.
targetScope = 'resourceGroup'

@description('Short name that every resource carries: letters and digits, such as vigie.')
@minLength(3)
@maxLength(10)
param name string

@description('Region of everything.')
param location string = resourceGroup().location

@description('Basic for a trial, Standard for production.')
@allowed(['Basic', 'Standard', 'Premium'])
param registrySku string = 'Basic'

@description('Days that logs and telemetry are kept.')
@minValue(30)
@maxValue(730)
param retentionDays int = 30

@description('Gigabytes of telemetry a day beyond which nothing more is taken in. The last guard against a surprising bill.')
param dailyCapGb int = 1

@description('Tags of every resource.')
param tags object = {}

var unique = uniqueString(resourceGroup().id)

module identity 'modules/identity.bicep' = {
  name: 'identity'
  params: {
    name: 'id-${name}'
    location: location
    tags: tags
  }
}

module monitoring 'modules/monitoring.bicep' = {
  name: 'monitoring'
  params: {
    workspaceName: 'log-${name}'
    componentName: 'appi-${name}'
    location: location
    retentionDays: retentionDays
    dailyCapGb: dailyCapGb
    tags: tags
  }
}

module registry 'modules/registry.bicep' = {
  name: 'registry'
  params: {
    name: 'cr${name}${unique}'
    location: location
    sku: registrySku
    pullerPrincipalId: identity.outputs.principalId
    workspaceId: monitoring.outputs.workspaceId
    tags: tags
  }
}

module vault 'modules/vault.bicep' = {
  name: 'vault'
  params: {
    name: 'kv-${name}-${take(unique, 8)}'
    location: location
    readerPrincipalId: identity.outputs.principalId
    workspaceId: monitoring.outputs.workspaceId
    tags: tags
  }
}

output registryName string = registry.outputs.name
output registryServer string = registry.outputs.server
output vaultName string = vault.outputs.name
output identityName string = identity.outputs.name
output workspaceName string = monitoring.outputs.workspaceName
output componentName string = monitoring.outputs.componentName
