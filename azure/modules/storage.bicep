// Blob storage of MLflow's artifacts: no keys, no public access, versions kept.
@description('Name: 3 to 24 small letters and digits, unique in the world.')
param name string

@description('Region.')
param location string

@description('Standard_LRS for a trial, Standard_ZRS for production.')
@allowed(['Standard_LRS', 'Standard_ZRS'])
param sku string

@description('Principal that reads and writes artifacts.')
param writerPrincipalId string

@description('Subnets from which it is reached.')
param subnetIds array

@description('Days that deleted or overwritten artifacts can be brought back.')
param keepDeletedDays int

@description('Workspace of the logs.')
param workspaceId string

@description('Tags.')
param tags object

var blobDataContributor = 'ba92f5b4-2d11-453d-a403-e96b0029c9fe'

resource account 'Microsoft.Storage/storageAccounts@2023-05-01' = {
  name: name
  location: location
  tags: tags
  kind: 'StorageV2'
  sku: {
    name: sku
  }
  properties: {
    accessTier: 'Hot'
    allowSharedKeyAccess: false
    allowBlobPublicAccess: false
    minimumTlsVersion: 'TLS1_2'
    supportsHttpsTrafficOnly: true
    networkAcls: {
      bypass: 'AzureServices'
      defaultAction: 'Deny'
      virtualNetworkRules: [for subnet in subnetIds: {
        id: subnet
        action: 'Allow'
      }]
    }
  }
}

resource blobs 'Microsoft.Storage/storageAccounts/blobServices@2023-05-01' = {
  parent: account
  name: 'default'
  properties: {
    isVersioningEnabled: true
    deleteRetentionPolicy: {
      enabled: true
      days: keepDeletedDays
    }
    containerDeleteRetentionPolicy: {
      enabled: true
      days: keepDeletedDays
    }
  }
}

resource artifacts 'Microsoft.Storage/storageAccounts/blobServices/containers@2023-05-01' = {
  parent: blobs
  name: 'mlflow'
  properties: {
    publicAccess: 'None'
  }
}

resource write 'Microsoft.Authorization/roleAssignments@2022-04-01' = {
  name: guid(account.id, writerPrincipalId, blobDataContributor)
  scope: account
  properties: {
    principalId: writerPrincipalId
    principalType: 'ServicePrincipal'
    roleDefinitionId: subscriptionResourceId('Microsoft.Authorization/roleDefinitions', blobDataContributor)
  }
}

resource logs 'Microsoft.Insights/diagnosticSettings@2021-05-01-preview' = {
  name: 'to-workspace'
  scope: blobs
  properties: {
    workspaceId: workspaceId
    logs: [
      {
        category: 'StorageDelete'
        enabled: true
      }
    ]
    metrics: [
      {
        category: 'Transaction'
        enabled: true
      }
    ]
  }
}

output address string = 'wasbs://${artifacts.name}@${account.name}.blob.${environment().suffixes.storage}'
output name string = account.name
