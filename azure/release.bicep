// Puts one set of images into one slot. A release, a rollback by digest and the very first start are all this.
targetScope = 'resourceGroup'

@description('The name that foundation.bicep and main.bicep were given.')
param name string

@description('Name of the web app.')
param siteName string

@description('Into the staging slot; else into production.')
param staging bool

@description('Name of the registry.')
param registryName string

@description('Digest of each image: gateway, ui, api, mlflow; sha256:….')
param digests object

resource registry 'Microsoft.ContainerRegistry/registries@2023-07-01' existing = {
  name: registryName
}

resource identity 'Microsoft.ManagedIdentity/userAssignedIdentities@2023-01-31' existing = {
  name: 'id-${name}'
}

module containers 'modules/containers.bicep' = {
  name: staging ? 'containers-staging' : 'containers-production'
  params: {
    siteName: siteName
    staging: staging
    registryServer: registry.properties.loginServer
    identityClientId: identity.properties.clientId
    digests: digests
  }
}
