// What a slot runs: the gateway as main container on 8080, the others beside it on ports of their own.
@description('Name of the web app.')
param siteName string

@description('Into the staging slot; else into production.')
param staging bool

@description('Server of the registry.')
param registryServer string

@description('Client id of the identity that pulls.')
param identityClientId string

@description('Digest of each image: gateway, ui, api, mlflow; sha256:….')
param digests object

var containers = loadJsonContent('../containers.json')

resource site 'Microsoft.Web/sites@2024-11-01' existing = {
  name: siteName
}

resource slot 'Microsoft.Web/sites/slots@2024-11-01' existing = {
  parent: site
  name: 'staging'
}

// The value of an environment variable is the NAME of an app setting. Nothing else is inherited: the page does not
// get the database's password.
resource inProduction 'Microsoft.Web/sites/sitecontainers@2024-11-01' = [for item in items(containers): if (!staging) {
  parent: site
  name: item.key
  properties: {
    image: '${registryServer}/vigie-${item.key}@${digests[item.key]}'
    isMain: item.value.main
    targetPort: string(item.value.port)
    authType: 'UserAssigned'
    userManagedIdentityClientId: identityClientId
    inheritAppSettingsAndConnectionStrings: false
    environmentVariables: [for variable in items(union(item.value.settings, item.value.secrets, item.value.computed)): {
      name: variable.key
      value: variable.key
    }]
  }
}]

resource inStaging 'Microsoft.Web/sites/slots/sitecontainers@2024-11-01' = [for item in items(containers): if (staging) {
  parent: slot
  name: item.key
  properties: {
    image: '${registryServer}/vigie-${item.key}@${digests[item.key]}'
    isMain: item.value.main
    targetPort: string(item.value.port)
    authType: 'UserAssigned'
    userManagedIdentityClientId: identityClientId
    inheritAppSettingsAndConnectionStrings: false
    environmentVariables: [for variable in items(union(item.value.settings, item.value.secrets, item.value.computed)): {
      name: variable.key
      value: variable.key
    }]
  }
}]
