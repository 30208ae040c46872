#include "lib/aws/service.h"

#include "lib/base/err.h"

#include <string.h>

/* Sources: the service models of botocore (protocol, version, target, ids); a test holds the table
 * to them. clang-format off keeps a row a line. */
/* clang-format off */
static const struct aws_service services[] = {
    {"apigateway", "apigateway", "apigateway", AWS_REST_JSON, "", "", "API_GATEWAY", false},
    {"apigatewayv2", "apigateway", "apigateway", AWS_REST_JSON, "", "", "APIGATEWAYV2", false},
    {"appconfig", "appconfig", "appconfig", AWS_REST_JSON, "", "", "APPCONFIG", false},
    {"appconfigdata", "appconfigdata", "appconfig", AWS_REST_JSON, "", "", "APPCONFIGDATA", false},
    {"appmesh", "appmesh", "appmesh", AWS_REST_JSON, "", "", "APP_MESH", false},
    {"autoscaling", "autoscaling", "autoscaling", AWS_QUERY, "2011-01-01", "", "AUTO_SCALING", false},
    {"cloudfront", "cloudfront", "cloudfront", AWS_REST_XML, "", "", "CLOUDFRONT", true},
    {"cloudwatch", "monitoring", "monitoring", AWS_JSON_10, "", "GraniteServiceVersion20100801", "CLOUDWATCH", false},
    {"codedeploy", "codedeploy", "codedeploy", AWS_JSON_11, "", "CodeDeploy_20141006", "CODEDEPLOY", false},
    {"ec2", "ec2", "ec2", AWS_EC2, "2016-11-15", "", "EC2", false},
    {"ecs", "ecs", "ecs", AWS_JSON_11, "", "AmazonEC2ContainerServiceV20141113", "ECS", false},
    {"eks", "eks", "eks", AWS_REST_JSON, "", "", "EKS", false},
    {"elasticbeanstalk", "elasticbeanstalk", "elasticbeanstalk", AWS_QUERY, "2010-12-01", "", "ELASTIC_BEANSTALK", false},
    {"elbv2", "elasticloadbalancing", "elasticloadbalancing", AWS_QUERY, "2015-12-01", "", "ELASTIC_LOAD_BALANCING_V2", false},
    {"events", "events", "events", AWS_JSON_11, "", "AWSEvents", "EVENTBRIDGE", false},
    {"firehose", "firehose", "firehose", AWS_JSON_11, "", "Firehose_20150804", "FIREHOSE", false},
    {"lambda", "lambda", "lambda", AWS_REST_JSON, "", "", "LAMBDA", false},
    {"logs", "logs", "logs", AWS_JSON_11, "", "Logs_20140328", "CLOUDWATCH_LOGS", false},
    {"route53", "route53", "route53", AWS_REST_XML, "", "", "ROUTE_53", true},
    {"sns", "sns", "sns", AWS_QUERY, "2010-03-31", "", "SNS", false},
    {"sqs", "sqs", "sqs", AWS_JSON_10, "", "AmazonSQS", "SQS", false},
    {"sts", "sts", "sts", AWS_QUERY, "2011-06-15", "", "STS", false},
    {"vpc-lattice", "vpc-lattice", "vpc-lattice", AWS_REST_JSON, "", "", "VPC_LATTICE", false},
};
/* clang-format on */

const struct aws_service *service_find(const char *name)
{
    for (size_t i = 0; i < ARRAY_LEN(services); i++)
        if (!strcmp(services[i].name, name))
            return &services[i];
    return NULL;
}

const struct aws_service *service_table(size_t *n)
{
    *n = ARRAY_LEN(services);
    return services;
}
