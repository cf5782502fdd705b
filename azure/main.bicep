// Vigie on Azure. Composes modules and nothing else. foundation.bicep comes before, release.bicep after: docs/deploy-azure.md.
targetScope = 'resourceGroup'

@description('The name that foundation.bicep was given.')
@minLength(3)
@maxLength(10)
param name string

@description('Region of everything.')
param location string = resourceGroup().location

@description('Name of the registry (output of foundation.bicep).')
param registryName string

@description('Name of the vault (output of foundation.bicep).')
param vaultName string

@description('Digest of each image: api, mlflow, trainer; sha256:…. The jobs run them.')
param digests object

@description('Client id of the Entra ID registration that people sign in with.')
param entraClientId string

@description('Who is told when something is wrong: one address.')
param alertEmail string

@description('Size of the plan: B2 for a trial, P1v3 for production.')
param planSize string

@description('Instances of the plan.')
param instances int = 1

@description('With a staging slot; the plan must be S1 or larger.')
param slots bool

@description('Burstable for a trial, GeneralPurpose for production.')
@allowed(['Burstable', 'GeneralPurpose'])
param databaseTier string

@description('Size of the database server.')
param databaseSize string

@description('Gigabytes of the database.')
param databaseStorageGb int = 32

@description('Days that backups of the database are kept.')
@minValue(7)
@maxValue(35)
param databaseBackupDays int = 7

@description('A standby of the database in another zone.')
param databaseStandby bool = false

@description('Standard_LRS for a trial, Standard_ZRS for production.')
@allowed(['Standard_LRS', 'Standard_ZRS'])
param storageSku string = 'Standard_LRS'

@description('Days that deleted artifacts can be brought back.')
param keepDeletedDays int = 7

@description('Cores of a training, such as 2.0.')
param trainerCpu string = '2.0'

@description('Memory of a training, such as 4Gi.')
param trainerMemory string = '4Gi'

@description('Brand shown on the page.')
param brand string = 'Air Paradis'

@description('Language of the page and of e-mails: fr or en.')
@allowed(['fr', 'en'])
param language string = 'fr'

@description('Mail server for alerts to the marketing team; empty: alerts are kept and shown, not sent.')
param smtpHost string = ''

@description('User of the mail server; its password is the secret smtp-password.')
param smtpUsername string = ''

@description('Sender of alerts.')
param mailFrom string = ''

@description('Who gets alerts: addresses, separated by commas.')
param mailTo string = ''

@description('Connectors that fetch posts, a JSON list: docs/connectors.md. Those of the kind x need the secret x-bearer-token.')
param connectors string = ''

@description('The secret x-bearer-token is in the vault.')
param withX bool = false

@description('OWNER/REPOSITORY whose retrain.yml an alert starts; the secret github-token must be in the vault. Empty: none does.')
param retrainRepository string = ''

@description('Tags of every resource.')
param tags object = {}

var unique = uniqueString(resourceGroup().id)
var siteName = 'app-${name}-${take(unique, 6)}'
// What App Service will answer to; a custom domain goes here too.
var host = '${siteName}.azurewebsites.net'
var stagingHost = '${siteName}-staging.azurewebsites.net'
var computed = {
  VIGIE_UI_BRAND: brand
  VIGIE_UI_LANGUAGE: language
  VIGIE_API_PUBLIC_URL: 'https://${host}'
  VIGIE_API_SMTP_HOST: smtpHost
  VIGIE_API_SMTP_USERNAME: smtpUsername
  VIGIE_API_MAIL_FROM: mailFrom
  VIGIE_API_MAIL_TO: mailTo
  VIGIE_API_MAIL_LANGUAGE: language
  VIGIE_API_CONNECTORS: connectors
  VIGIE_API_APPINSIGHTS_CONNECTION_STRING: component.properties.ConnectionString
  VIGIE_MLFLOW_ALLOWED_HOSTS: 'localhost,localhost:*,127.0.0.1,127.0.0.1:*,${host},${stagingHost}'
  VIGIE_MLFLOW_CORS_ORIGINS: 'https://${host},https://${stagingHost}'
  VIGIE_MLFLOW_DATABASE_HOST: database.outputs.host
  VIGIE_MLFLOW_ARTIFACTS: storage.outputs.address
  AZURE_CLIENT_ID: identity.properties.clientId
}
var absentSecrets = concat(empty(smtpUsername) ? ['smtp-password'] : [], withX ? [] : ['x-bearer-token'])
// A rehearsal tells nobody and fetches nothing: no e-mail to the marketing team, nothing among production's telemetry.
var computedOfStaging = union(computed, {
  VIGIE_API_PUBLIC_URL: 'https://${stagingHost}'
  VIGIE_API_SMTP_HOST: ''
  VIGIE_API_SMTP_USERNAME: ''
  VIGIE_API_CONNECTORS: ''
  VIGIE_API_APPINSIGHTS_CONNECTION_STRING: ''
})
var stickySettings = [
  'VIGIE_API_DATABASE_URL'
  'VIGIE_API_PUBLIC_URL'
  'VIGIE_API_SMTP_HOST'
  'VIGIE_API_SMTP_USERNAME'
  'VIGIE_API_SMTP_PASSWORD'
  'VIGIE_API_X_BEARER_TOKEN'
  'VIGIE_API_CONNECTORS'
  'VIGIE_API_APPINSIGHTS_CONNECTION_STRING'
]

resource registry 'Microsoft.ContainerRegistry/registries@2023-07-01' existing = {
  name: registryName
}

resource vault 'Microsoft.KeyVault/vaults@2023-07-01' existing = {
  name: vaultName
}

resource identity 'Microsoft.ManagedIdentity/userAssignedIdentities@2023-01-31' existing = {
  name: 'id-${name}'
}

resource workspace 'Microsoft.OperationalInsights/workspaces@2023-09-01' existing = {
  name: 'log-${name}'
}

resource component 'Microsoft.Insights/components@2020-02-02' existing = {
  name: 'appi-${name}'
}

module network 'modules/network.bicep' = {
  name: 'network'
  params: {
    name: 'vnet-${name}'
    location: location
    tags: tags
  }
}

module database 'modules/database.bicep' = {
  name: 'database'
  params: {
    name: 'psql-${name}-${take(unique, 8)}'
    location: location
    tier: databaseTier
    size: databaseSize
    storageGb: databaseStorageGb
    backupDays: databaseBackupDays
    standby: databaseStandby
    administratorPassword: vault.getSecret('database-admin-password')
    subnetId: network.outputs.databaseSubnetId
    zoneId: network.outputs.databaseZoneId
    workspaceId: workspace.id
    tags: tags
  }
}

module storage 'modules/storage.bicep' = {
  name: 'storage'
  params: {
    name: 'st${name}${take(unique, 10)}'
    location: location
    sku: storageSku
    writerPrincipalId: identity.properties.principalId
    subnetIds: [network.outputs.appSubnetId, network.outputs.jobsSubnetId]
    keepDeletedDays: keepDeletedDays
    workspaceId: workspace.id
    tags: tags
  }
}

module settings 'modules/settings.bicep' = {
  name: 'settings'
  params: {
    vaultUri: vault.properties.vaultUri
    computed: computed
    absentSecrets: absentSecrets
    staging: false
  }
}

module stagingSettings 'modules/settings.bicep' = {
  name: 'settings-staging'
  params: {
    vaultUri: vault.properties.vaultUri
    computed: computedOfStaging
    absentSecrets: ['smtp-password', 'x-bearer-token']
    staging: true
  }
}

module web 'modules/web.bicep' = {
  name: 'web'
  params: {
    name: siteName
    location: location
    planSize: planSize
    instances: instances
    slots: slots
    identityId: identity.id
    identityClientId: identity.properties.clientId
    subnetId: network.outputs.appSubnetId
    settings: settings.outputs.appSettings
    stagingSettings: stagingSettings.outputs.appSettings
    stickySettings: stickySettings
    entraClientId: entraClientId
    workspaceId: workspace.id
    tags: tags
  }
}

module inside 'modules/inside.bicep' = {
  name: 'inside'
  params: {
    name: 'cae-${name}'
    location: location
    subnetId: network.outputs.jobsSubnetId
    identityId: identity.id
    identityClientId: identity.properties.clientId
    registryServer: registry.properties.loginServer
    mlflowDigest: digests.mlflow
    vaultUri: vault.properties.vaultUri
    databaseHost: database.outputs.host
    artifacts: storage.outputs.address
    workspaceId: workspace.id
    tags: tags
  }
}

module jobs 'modules/jobs.bicep' = {
  name: 'jobs'
  params: {
    location: location
    environmentId: inside.outputs.environmentId
    mlflowHost: inside.outputs.mlflowHost
    identityId: identity.id
    registryServer: registry.properties.loginServer
    digests: digests
    vaultUri: vault.properties.vaultUri
    databaseHost: database.outputs.host
    apiUrl: 'https://${host}/api'
    trainerCpu: trainerCpu
    trainerMemory: trainerMemory
    slots: slots
    tags: tags
  }
}

module retraining 'modules/retraining.bicep' = if (!empty(retrainRepository)) {
  name: 'retraining'
  params: {
    name: '${name}-retrain'
    location: location
    repository: retrainRepository
    vaultName: vaultName
    workspaceId: workspace.id
    tags: tags
  }
}

module alerts 'modules/alerts.bicep' = {
  name: 'alerts'
  params: {
    name: name
    location: location
    email: alertEmail
    componentId: component.id
    siteId: web.outputs.id
    databaseId: database.outputs.id
    retrainGroupIds: empty(retrainRepository) ? [] : [retraining.outputs.actionGroupId]
    tags: tags
  }
}

module workbook 'modules/workbook.bicep' = {
  name: 'workbook'
  params: {
    location: location
    componentId: component.id
    tags: tags
  }
}

output siteName string = web.outputs.name
output url string = 'https://${web.outputs.hostName}'
output stagingUrl string = slots ? 'https://${stagingHost}' : ''
output slots bool = slots
output jobs array = slots ? ['roles', 'migrate', 'migrate-staging', 'bootstrap', 'retrain'] : ['roles', 'migrate', 'bootstrap', 'retrain']
output mlflowInside string = inside.outputs.mlflowHost
