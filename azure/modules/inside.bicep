// Container Apps in the same network: where the jobs run, and a second MLflow server on the same database and artifacts,
// which only the jobs reach and which sleeps while they do.
@description('Name of the environment.')
param name string

@description('Region.')
param location string

@description('Subnet of the environment.')
param subnetId string

@description('Identity of the containers: resource id.')
param identityId string

@description('The same identity: client id.')
param identityClientId string

@description('Server of the registry.')
param registryServer string

@description('Digest of the image vigie-mlflow: sha256:….')
param mlflowDigest string

@description('Address of the vault, with the slash at its end.')
param vaultUri string

@description('Host of the database.')
param databaseHost string

@description('Where artifacts go.')
param artifacts string

@description('Workspace of the logs.')
param workspaceId string

@description('Tags.')
param tags object

var mlflowName = 'mlflow-inside'
var secretNames = [
  'database-mlflow-password'
  'mlflow-admin-password'
  'mlflow-api-password'
  'mlflow-trainer-password'
  'mlflow-secret-key'
]
var secrets = [for secret in secretNames: {
  name: secret
  keyVaultUrl: '${vaultUri}secrets/${secret}'
  identity: identityId
}]

resource inside 'Microsoft.App/managedEnvironments@2024-03-01' = {
  name: name
  location: location
  tags: tags
  properties: {
    vnetConfiguration: {
      infrastructureSubnetId: subnetId
      internal: true
    }
    workloadProfiles: [
      {
        name: 'Consumption'
        workloadProfileType: 'Consumption'
      }
    ]
    appLogsConfiguration: {
      destination: 'azure-monitor'
    }
  }
}

resource mlflow 'Microsoft.App/containerApps@2024-03-01' = {
  name: mlflowName
  location: location
  tags: tags
  identity: {
    type: 'UserAssigned'
    userAssignedIdentities: {
      '${identityId}': {}
    }
  }
  properties: {
    environmentId: inside.id
    workloadProfileName: 'Consumption'
    configuration: {
      activeRevisionsMode: 'Single'
      registries: [
        {
          server: registryServer
          identity: identityId
        }
      ]
      secrets: secrets
      ingress: {
        external: false
        targetPort: 5000
        transport: 'http'
        allowInsecure: false
      }
    }
    template: {
      containers: [
        {
          name: 'mlflow'
          image: '${registryServer}/vigie-mlflow@${mlflowDigest}'
          resources: {
            cpu: json('0.5')
            memory: '1Gi'
          }
          env: [
            {
              name: 'VIGIE_MLFLOW_STATIC_PREFIX'
              value: '/mlflow'
            }
            {
              name: 'VIGIE_MLFLOW_ALLOWED_HOSTS'
              value: '${mlflowName}.internal.${inside.properties.defaultDomain},localhost,localhost:*,127.0.0.1,127.0.0.1:*'
            }
            {
              name: 'VIGIE_MLFLOW_DATABASE_HOST'
              value: databaseHost
            }
            {
              name: 'VIGIE_MLFLOW_DATABASE_SSLMODE'
              value: 'require'
            }
            {
              name: 'VIGIE_MLFLOW_DATABASE_PASSWORD'
              secretRef: 'database-mlflow-password'
            }
            {
              name: 'VIGIE_MLFLOW_ARTIFACTS'
              value: artifacts
            }
            {
              name: 'VIGIE_MLFLOW_ADMIN_PASSWORD'
              secretRef: 'mlflow-admin-password'
            }
            {
              name: 'VIGIE_MLFLOW_API_PASSWORD'
              secretRef: 'mlflow-api-password'
            }
            {
              name: 'VIGIE_MLFLOW_TRAINER_PASSWORD'
              secretRef: 'mlflow-trainer-password'
            }
            {
              name: 'VIGIE_MLFLOW_SECRET_KEY'
              secretRef: 'mlflow-secret-key'
            }
            {
              name: 'AZURE_CLIENT_ID'
              value: identityClientId
            }
          ]
        }
      ]
      scale: {
        minReplicas: 0
        maxReplicas: 1
      }
    }
  }
}

resource logs 'Microsoft.Insights/diagnosticSettings@2021-05-01-preview' = {
  name: 'to-workspace'
  scope: inside
  properties: {
    workspaceId: workspaceId
    logs: [
      {
        category: 'ContainerAppConsoleLogs'
        enabled: true
      }
      {
        category: 'ContainerAppSystemLogs'
        enabled: true
      }
    ]
  }
}

output environmentId string = inside.id
output mlflowHost string = mlflow.properties.configuration.ingress.fqdn
