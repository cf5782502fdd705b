// The registry of our images: no admin user, nothing anonymous; one identity pulls.
@description('Name: 5 to 50 letters and digits, unique in the world.')
param name string

@description('Region.')
param location string

@description('Basic, Standard or Premium.')
param sku string

@description('Principal that pulls.')
param pullerPrincipalId string

@description('Workspace of the logs.')
param workspaceId string

@description('Tags.')
param tags object

var acrPull = '7f951dda-4ed3-4680-a7ca-43fe172d538d'

resource registry 'Microsoft.ContainerRegistry/registries@2023-07-01' = {
  name: name
  location: location
  tags: tags
  sku: {
    name: sku
  }
  properties: {
    adminUserEnabled: false
    anonymousPullEnabled: false
    // GitHub's runners push from outside; a private registry needs Premium and runners of one's own.
    publicNetworkAccess: 'Enabled'
  }
}

resource pull 'Microsoft.Authorization/roleAssignments@2022-04-01' = {
  name: guid(registry.id, pullerPrincipalId, acrPull)
  scope: registry
  properties: {
    principalId: pullerPrincipalId
    principalType: 'ServicePrincipal'
    roleDefinitionId: subscriptionResourceId('Microsoft.Authorization/roleDefinitions', acrPull)
  }
}

resource logs 'Microsoft.Insights/diagnosticSettings@2021-05-01-preview' = {
  name: 'to-workspace'
  scope: registry
  properties: {
    workspaceId: workspaceId
    logs: [
      {
        category: 'ContainerRegistryLoginEvents'
        enabled: true
      }
      {
        category: 'ContainerRegistryRepositoryEvents'
        enabled: true
      }
    ]
  }
}

output name string = registry.name
output server string = registry.properties.loginServer
