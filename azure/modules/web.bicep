// The plan, the web app in sidecar mode and, where the plan has slots, its staging slot. Containers: containers.bicep.
@description('Name of the app: unique in the world, part of its address.')
param name string

@description('Region.')
param location string

@description('Size of the plan: B2 for a trial, P1v3 for production. Slots need S1 or more.')
param planSize string

@description('Instances of the plan.')
param instances int

@description('With a staging slot.')
param slots bool

@description('Identity of the containers: resource id.')
param identityId string

@description('The same identity: client id.')
param identityClientId string

@description('Subnet of the app.')
param subnetId string

@description('App settings of production.')
param settings array

@description('App settings of the staging slot.')
param stagingSettings array

@description('Names of settings that stay with their slot when slots are swapped.')
param stickySettings array

@description('Client id of the Entra ID registration that people sign in with.')
param entraClientId string

@description('Workspace of the logs.')
param workspaceId string

@description('Tags.')
param tags object

var issuer = '${environment().authentication.loginEndpoint}${subscription().tenantId}/v2.0'
var identityOfTheApp = {
  type: 'UserAssigned'
  userAssignedIdentities: {
    '${identityId}': {}
  }
}
// Not AppServiceHTTPLogs: it keeps query strings, and what people type may be in one. The gateway logs paths.
var logCategories = ['AppServiceConsoleLogs', 'AppServicePlatformLogs', 'AppServiceAuditLogs', 'AppServiceAuthenticationLogs']
// People sign in with Entra ID; programs use the API with its keys; the health check asks without either.
var authentication = {
  platform: {
    enabled: true
  }
  globalValidation: {
    requireAuthentication: true
    unauthenticatedClientAction: 'RedirectToLoginPage'
    redirectToProvider: 'azureactivedirectory'
    excludedPaths: ['/api/*', '/healthz']
  }
  httpSettings: {
    requireHttps: true
  }
  identityProviders: {
    azureActiveDirectory: {
      enabled: true
      registration: {
        clientId: entraClientId
        openIdIssuer: issuer
      }
      validation: {
        allowedAudiences: [entraClientId, 'api://${entraClientId}']
      }
    }
  }
  login: {
    tokenStore: {
      enabled: false
    }
  }
}

resource plan 'Microsoft.Web/serverfarms@2024-11-01' = {
  name: 'plan-${name}'
  location: location
  tags: tags
  kind: 'linux'
  sku: {
    name: planSize
    capacity: instances
  }
  properties: {
    reserved: true
  }
}

resource site 'Microsoft.Web/sites@2024-11-01' = {
  name: name
  location: location
  tags: tags
  kind: 'app,linux,container'
  identity: identityOfTheApp
  properties: {
    serverFarmId: plan.id
    reserved: true
    httpsOnly: true
    publicNetworkAccess: 'Enabled'
    // The page keeps a person's state in one instance's memory.
    clientAffinityEnabled: true
    keyVaultReferenceIdentity: identityId
    virtualNetworkSubnetId: subnetId
    siteConfig: {
      linuxFxVersion: 'sitecontainers'
      acrUseManagedIdentityCreds: true
      acrUserManagedIdentityID: identityClientId
      alwaysOn: true
      ftpsState: 'Disabled'
      minTlsVersion: '1.2'
      scmMinTlsVersion: '1.2'
      http20Enabled: true
      webSocketsEnabled: true
      vnetRouteAllEnabled: true
      healthCheckPath: '/api/readyz'
      appSettings: settings
    }
  }
}

resource siteSignIn 'Microsoft.Web/sites/config@2024-11-01' = {
  parent: site
  name: 'authsettingsV2'
  properties: authentication
}

resource noFtp 'Microsoft.Web/sites/basicPublishingCredentialsPolicies@2024-11-01' = {
  parent: site
  name: 'ftp'
  properties: {
    allow: false
  }
}

resource noScm 'Microsoft.Web/sites/basicPublishingCredentialsPolicies@2024-11-01' = {
  parent: site
  name: 'scm'
  properties: {
    allow: false
  }
}

resource sticky 'Microsoft.Web/sites/config@2024-11-01' = {
  parent: site
  name: 'slotConfigNames'
  properties: {
    appSettingNames: stickySettings
  }
}

resource staging 'Microsoft.Web/sites/slots@2024-11-01' = if (slots) {
  parent: site
  name: 'staging'
  location: location
  tags: tags
  kind: 'app,linux,container'
  identity: identityOfTheApp
  properties: {
    serverFarmId: plan.id
    reserved: true
    httpsOnly: true
    publicNetworkAccess: 'Enabled'
    clientAffinityEnabled: true
    keyVaultReferenceIdentity: identityId
    virtualNetworkSubnetId: subnetId
    siteConfig: {
      linuxFxVersion: 'sitecontainers'
      acrUseManagedIdentityCreds: true
      acrUserManagedIdentityID: identityClientId
      alwaysOn: true
      ftpsState: 'Disabled'
      minTlsVersion: '1.2'
      scmMinTlsVersion: '1.2'
      http20Enabled: true
      webSocketsEnabled: true
      vnetRouteAllEnabled: true
      healthCheckPath: '/api/readyz'
      appSettings: stagingSettings
    }
  }
}

resource stagingSignIn 'Microsoft.Web/sites/slots/config@2024-11-01' = if (slots) {
  parent: staging
  name: 'authsettingsV2'
  properties: authentication
}

resource noStagingFtp 'Microsoft.Web/sites/slots/basicPublishingCredentialsPolicies@2024-11-01' = if (slots) {
  parent: staging
  name: 'ftp'
  properties: {
    allow: false
  }
}

resource noStagingScm 'Microsoft.Web/sites/slots/basicPublishingCredentialsPolicies@2024-11-01' = if (slots) {
  parent: staging
  name: 'scm'
  properties: {
    allow: false
  }
}

resource logs 'Microsoft.Insights/diagnosticSettings@2021-05-01-preview' = {
  name: 'to-workspace'
  scope: site
  properties: {
    workspaceId: workspaceId
    logs: [for category in logCategories: {
      category: category
      enabled: true
    }]
    metrics: [
      {
        category: 'AllMetrics'
        enabled: true
      }
    ]
  }
}

output id string = site.id
output name string = site.name
output hostName string = site.properties.defaultHostName
output slots bool = slots
